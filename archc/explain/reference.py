"""Pages made from code: an op's from its class, a block's from its template."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc

from archc.ops.attributes import Attribute, Required
from archc.ops.base import Example, Op
from archc.ops.registry import ops
from archc.spec.ast import Template
from archc.spec.data import Mapping, Scalar, Sequence, plain
from archc.spec.load import prelude
from archc.spec.publish import default_text


def op_page(op: type[Op], level: int = 1) -> str:
    """An op's page as Markdown: documentation, inputs, outputs, attributes, weights, examples."""
    parts = [f"{'#' * level} {op.name}", cleandoc(op.__doc__ or "").strip()]
    facts = [f"Inputs: {_inputs(op)}."]
    outputs = output_names(op)
    if outputs is None:
        facts.append("Outputs: named by its attributes.")
    elif outputs != ("y",):
        facts.append(f"Outputs: {_names(outputs)}; the first is what a plain reference means.")
    if op.weights:
        facts.append(f"Weights: {_names(op.weights)}.")
    if op.random:
        facts.append("It draws while training, and passes its input through otherwise.")
    parts.append(" ".join(facts))
    if op.attributes:
        parts.append("\n".join(_attributes(op)))
    if op.examples:
        parts.append("\n".join(["```yaml", *map(_example, op.examples), "```"]))
    return "\n\n".join(parts) + "\n"


def output_names(op: type[Op]) -> tuple[str, ...] | None:
    """The names of an op's outputs; None where its attributes tell them."""
    try:
        return op({}).outputs
    except KeyError:
        return None


def _inputs(op: type[Op]) -> str:
    if not op.inputs:
        return "none"
    return ", ".join(
        f"`{one.name}`"
        + (" (any number)" if one.variadic else " (optional)" if one.optional else "")
        for one in op.inputs
    )


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _attributes(op: type[Op]) -> Iterator[str]:
    """A table; the attribute that a plain value sets comes with its short form."""
    yield "| attribute | value | default | |"
    yield "|---|---|---|---|"
    for name, attribute in op.attributes.items():
        label = f"`{name}`" if name != op.rest else f"any other (`{name}`)"
        kind = attribute.kind.spoken.replace("|", "\\|")
        doc = attribute.doc + (f"; short: `{op.name}: …`" if attribute.main else "")
        yield f"| {label} | {kind} | {_default(attribute)} | {doc.lstrip('; ')} |"


def _default(attribute: Attribute[object]) -> str:
    default = attribute.default
    if isinstance(default, Required):
        return "required"
    return "" if default is None or default == () else f"`{default_text(default)}`"


def _example(one: Example) -> str:
    feeds = ", ".join(f"{name} {text}" for name, text in one.feeds.items())
    return f"- {one.step}" + (f"  # {feeds}" if feeds else "")


def block_page(template: Template, level: int = 1) -> str:
    """A block's page as Markdown."""
    inputs = ", ".join(
        f"`{one.name}`" + (" (optional)" if one.optional else "") for one in template.inputs
    )
    parts = [f"{'#' * level} {template.name}", template.doc.strip() or "A block."]
    parts.append(f"A block, written in the spec language. Inputs: {inputs or 'none'}.")
    if template.parameters:
        lines = ["| parameter | default |", "|---|---|"]
        for one in template.parameters:
            value = (
                f"{one.type}, required" if one.type is not None else f"`{_written(one.default)}`"
            )
            lines.append(f"| `{one.name}` | {value} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _written(data: Scalar | Sequence | Mapping) -> str:
    value = plain(data)
    return default_text(tuple(value) if isinstance(value, list) else value)


def op_index(installed: bool = True) -> list[tuple[str, list[str]]]:
    """The ops by kind: what the module that declares them is about, and their names.

    Those of `installed` packages are left out where only archc's own are wanted.
    """
    groups: dict[str, list[str]] = {}
    for name, op in ops().items():
        if not installed and not op.__module__.startswith("archc."):
            continue
        groups.setdefault(_kind(op), []).append(name)
    if prelude():
        groups["Blocks that every spec can call."] = sorted(prelude())
    return list(groups.items())


def _kind(op: type[Op]) -> str:
    import sys

    doc = sys.modules[op.__module__].__doc__ or op.__module__
    return doc.strip().partition("\n")[0]
