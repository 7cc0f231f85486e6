"""The JSON Schema of specs that editors use, joined from the parts that `check` validates with.

`check` judges a file by the skeleton and each step by its own op's schema (`archc.spec.schema`).
Here the same parts become one document in which a step is a mapping of all ops, so that an editor
completes their names and attributes with their documentation. Wherever a value may stand, a formula
may, too. Without a spec a step's key may be an unknown name, a block's; with one only its own
blocks and models are known, with their parameters.
"""

from __future__ import annotations

from copy import deepcopy
from inspect import cleandoc
from typing import Any

from archc.init import INITIALISERS, Initialiser
from archc.ops.attributes import Required
from archc.ops.base import Op
from archc.ops.registry import ops
from archc.spec import search, training
from archc.spec.ast import MODIFIERS, File, Parameter, Template
from archc.spec.data import Scalar, Sequence, plain
from archc.spec.load import lookup, prelude, visible
from archc.spec.schema import attributes
from archc.spec.skeleton import SKELETON, STEPS

Schema = dict[str, Any]

FORMULA: Schema = {"$ref": "#/$defs/formula"}
ID = "https://json-schema.org/draft/2020-12/schema"

MODIFIER_DOCS: dict[str, str] = {
    "name": "How others refer to the step, and its segment in weight names.",
    "in": "What the step reads: a reference, a list, or a mapping by input name; without it, prev.",
    "when": "Decided while reading: if false the step is left out, and its input passes through.",
    "repeat": "A chain of copies: a count, or {variable: count or list}, several side by side.",
    "scan": "Inputs to walk along axis 1: the step runs once a position, with one set of weights.",
    "tie": "Shares a weight: {weight: wte.weight}.",
    "init": "Initial values by weight: {weight: {normal: 0.02}}.",
    "freeze": "true: the step's weights are not trained.",
    "detach": "true: the step's values pass no gradient on; it is computed as it is otherwise.",
}


def published(file: File | None = None) -> Schema:
    """The schema of any spec, or of this one with its own blocks, models and parameters."""
    schema: Schema = deepcopy(SKELETON)
    schema["$schema"] = ID
    schema["title"] = "archc spec" if file is None else f"archc spec {file.name}"
    calls = _calls(file)
    schema["$defs"] = {
        "formula": _formula(),
        "step": _step(calls, strict=file is not None),
        "inputs_of_step": _inputs(),
        "init": {
            "type": "object",
            "description": MODIFIER_DOCS["init"],
            "additionalProperties": {"$ref": "#/$defs/initialiser"},
        },
        "initialiser": _initialiser(),
        **{f"op.{name}": op_value(op) for name, op in ops().items()},
        **{f"block.{name}": block_value(template) for name, template in calls.items()},
    }
    properties = schema["properties"]
    properties["defaults"] = _defaults()
    properties["train"] = freed(training.published_section())
    properties["search"] = freed(search.published_section())
    _free_inputs(schema)
    if file is not None:
        known = {p.name: _parameter(p, file) for p in file.parameters}
        properties["params"]["properties"] = {
            name: {"description": value.get("description", "")} for name, value in known.items()
        }
        properties["variants"]["additionalProperties"] = _object(known)
    return schema


def _calls(file: File | None) -> dict[str, Template]:
    """The blocks and models that steps can call, by name."""
    if file is None:
        return dict(prelude())
    found = {name: lookup(file, name) for name in sorted(visible(file))}
    return {name: template for name, template in found.items() if template is not None}


def _step(calls: dict[str, Template], strict: bool) -> Schema:
    """A step: an op's name, or a mapping with it and modifiers."""
    known = {name: f"#/$defs/op.{name}" for name in ops()}
    known.update({name: f"#/$defs/block.{name}" for name in calls})
    names: list[Schema] = [{"const": name, "description": op_doc(op)} for name, op in ops().items()]
    names += [{"const": n, "description": t.doc or f"A {t.kind}."} for n, t in calls.items()]
    return {
        "description": "A step: an op's or block's name, or a mapping with it and modifiers.",
        "anyOf": [
            {"anyOf": [*names, FORMULA, *([] if strict else [{"type": "string"}])]},
            {
                "type": "object",
                "minProperties": 1,
                "properties": {
                    **{name: {"$ref": target} for name, target in sorted(known.items())},
                    "do": {
                        **STEPS,
                        "description": "Steps in a scope of their own, if it is named.",
                    },
                    **_modifiers(),
                },
                "patternProperties": {"^=": True},
                "additionalProperties": not strict,
            },
        ],
    }


def _modifiers() -> dict[str, Schema]:
    kinds: dict[str, Schema] = {
        "name": {"type": ["string", "integer"]},
        "in": {"$ref": "#/$defs/inputs_of_step"},
        "when": {"anyOf": [{"type": "boolean"}, FORMULA]},
        "repeat": {"anyOf": [{"type": "integer", "minimum": 0}, FORMULA, {"type": "object"}]},
        "scan": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]},
        "tie": {"type": "object", "additionalProperties": {"type": "string"}},
        "init": {"$ref": "#/$defs/init"},
        "freeze": {"anyOf": [{"type": "boolean"}, FORMULA]},
        "detach": {"anyOf": [{"type": "boolean"}, FORMULA]},
    }
    return {name: {**kinds[name], "description": MODIFIER_DOCS[name]} for name in MODIFIERS}


def _inputs() -> Schema:
    """What a step reads: references and numbers."""
    one: Schema = {"type": ["string", "number", "boolean"]}
    named: Schema = {"type": ["string", "number", "boolean", "null"]}
    return {
        "anyOf": [
            one,
            {"type": "array", "items": one},
            {"type": "object", "additionalProperties": named},
        ]
    }


def _formula() -> Schema:
    return {
        "type": "string",
        "pattern": "^=.",
        "description": "A formula: =4*width, =x.channels // 2, =2 if i == 0 else 1",
    }


# -- ops -------------------------------------------------------------------------------------------


def op_doc(op: type[Op]) -> str:
    """An op's documentation as text."""
    return cleandoc(op.__doc__ or op.name)


def op_value(op: type[Op]) -> Schema:
    """What may stand behind an op's key: nothing, its main attribute, inputs, attributes."""
    branches: list[Schema] = [{"type": "null"}]
    if op.main is not None:
        branches.append(or_formula(op.attributes[op.main].kind.schema()))
    branches.append({"$ref": "#/$defs/inputs_of_step/anyOf/1"})
    branches.append(op_attributes(op))
    return {"description": op_doc(op), "anyOf": branches}


def op_attributes(op: type[Op]) -> Schema:
    """The op's attribute mapping, with formulas."""
    schema = attributes(op)
    schema["description"] = op_doc(op)
    for name, value in schema["properties"].items():
        attribute = op.attributes[name]
        default = attribute.default
        doc = attribute.doc
        if not isinstance(default, Required) and default is not None:
            doc += f" (default {default_text(default)})"
        schema["properties"][name] = {
            **or_formula({k: v for k, v in value.items() if k != "description"}),
            "description": doc,
        }
    if isinstance(schema["additionalProperties"], dict):
        schema["additionalProperties"] = or_formula(schema["additionalProperties"])
    return schema


def default_text(default: object) -> str:
    """A default as a spec would write it."""
    if isinstance(default, bool):
        return "true" if default else "false"
    if isinstance(default, tuple):
        if default and all(item == default[0] for item in default):
            return default_text(default[0])
        return f"[{', '.join(map(default_text, default))}]"
    return str(default)


def or_formula(schema: Schema) -> Schema:
    """The schema, with a formula allowed in place of every value in it."""
    inner = dict(schema)
    for key in ("items", "additionalProperties"):
        if isinstance(inner.get(key), dict):
            inner[key] = or_formula(inner[key])
    branches = inner.pop("anyOf", None)
    if branches is None:
        return {"anyOf": [inner, FORMULA]}
    freed: list[Schema] = []
    for branch in branches:
        freed += [part for part in or_formula(branch)["anyOf"] if part != FORMULA]
    return {**inner, "anyOf": [*freed, FORMULA]}


def freed(schema: Schema) -> Schema:
    """The schema of a section, with a formula allowed in place of every number and word in it."""
    found: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            found[key] = {name: freed(one) for name, one in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            found[key] = freed(value)
        elif key == "anyOf":
            found[key] = [freed(one) for one in value]
        else:
            found[key] = value
    plain_value = "enum" in found or found.get("type") in ("number", "integer", "boolean")
    if not plain_value:
        return found
    doc = found.pop("description", None)
    return {"anyOf": [found, FORMULA], **({"description": doc} if doc else {})}


# -- blocks ----------------------------------------------------------------------------------------


def block_value(template: Template) -> Schema:
    """What may stand behind a block's or model's key."""
    file = template.file
    whole = template is file.root
    parameters = file.parameters if whole else template.parameters
    known = {p.name: _parameter(p, file) for p in parameters}
    branches: list[Schema] = [{"type": "null"}, {"$ref": "#/$defs/inputs_of_step/anyOf/1"}]
    if parameters:
        first = dict(known[parameters[0].name])
        branches.append({key: value for key, value in first.items() if key != "description"})
    required = [p.name for p in parameters if p.type is not None]
    branches.append(_object(known, required))
    inputs = ", ".join(one.name for one in template.inputs) or "none"
    text = template.doc.strip() or f"A {template.kind} of {file.name}."
    return {"description": f"{text} Inputs: {inputs}.", "anyOf": branches}


def _object(known: dict[str, Schema], required: list[str] | None = None) -> Schema:
    schema: Schema = {"type": "object", "properties": known, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


_TYPES: dict[str, Schema] = {
    "int": {"type": "integer"}, "float": {"type": "number"}, "bool": {"type": "boolean"},
    "str": {"type": "string"}, "list": {"type": "array"},
    "op": {"anyOf": [{"type": "string"}, {"type": "object"}]}, "steps": STEPS,
}  # fmt: skip


def _parameter(parameter: Parameter, file: File) -> Schema:
    """What a parameter may be set to, by its declared type or its default's."""
    if parameter.type is not None:
        return {**or_formula(_TYPES[parameter.type]), "description": f"{parameter.type}, required"}
    default = parameter.default
    value = plain(default)
    shown = value if isinstance(value, str | list | dict) else default_text(value)
    doc = f"default {shown}"[:120]
    if isinstance(default, Scalar) and default.formula is not None:
        return {"description": doc}  # its type is known only once it is evaluated
    if isinstance(value, str) and (value in ops() or lookup(file, value) is not None):
        return {**or_formula(_TYPES["op"]), "description": doc}
    if isinstance(default, Sequence):
        return {**or_formula(_TYPES["list"]), "description": doc}
    kind = {bool: "bool", int: "int", float: "float", str: "str"}.get(type(value))
    if kind is None:
        return {"description": doc}
    return {**or_formula(_TYPES[kind]), "description": doc}


# -- other sections --------------------------------------------------------------------------------


def _initialiser() -> Schema:
    """An initialiser: its name, or its name with one argument or several."""
    plain_ones = [
        {"const": name, "description": one.doc}
        for name, one in INITIALISERS.items()
        if all(p.default is not None for p in one.parameters)
    ]
    known = {name: _initialiser_value(one) for name, one in INITIALISERS.items()}
    record = {**_object(known), "minProperties": 1, "maxProperties": 1}
    return {"anyOf": [*plain_ones, record, FORMULA]}


def _initialiser_value(one: Initialiser) -> Schema:
    arguments: dict[str, Schema] = {}
    lone: list[Schema] = [{"type": "null"}]
    for parameter in one.parameters:
        kind: Schema = (
            {"enum": list(parameter.choices)} if parameter.choices else {"type": "number"}
        )
        arguments[parameter.name] = {**or_formula(kind), "description": parameter.doc}
        if parameter.choices or parameter.name == one.main:
            lone.append(kind)
    if arguments:
        lone.append({"type": "array", "prefixItems": list(arguments.values()), "items": False})
    return {"description": one.doc, "anyOf": [*lone, FORMULA, _object(arguments)]}


def _defaults() -> Schema:
    """Attributes by op, with `init` and `freeze`."""
    known: dict[str, Schema] = {}
    for name, op in ops().items():
        schema = op_attributes(op)
        more = _modifiers()
        schema["properties"] = {
            **schema["properties"],
            "init": more["init"],
            "freeze": more["freeze"],
        }
        known[name] = schema
    return {**_object(known), "description": SKELETON["properties"]["defaults"]["description"]}


def _free_inputs(schema: Schema) -> None:
    """Sizes in declared shapes: whole numbers, symbols, formulas."""
    size: Schema = {
        "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}],
        "description": "A whole number, a symbolic dimension's name, or a formula.",
    }
    shape: Schema = {"type": "array", "items": size}

    def inputs(section: Schema) -> None:
        value = section["properties"]["inputs"]["anyOf"][0]["additionalProperties"]["anyOf"]
        value[0] = shape
        value[1]["properties"]["shape"] = {**shape, "description": "Sizes along each axis."}

    inputs(schema)
    for part in ("blocks", "models"):
        inputs(schema["properties"][part]["additionalProperties"])
