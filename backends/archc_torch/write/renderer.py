"""One class or function of a file, from its signature to its last line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archc_torch import names
from archc_torch.write import forward
from archc_torch.write.constructor import Constructor, arguments, kept
from archc_torch.write.expressions import Expressions
from archc_torch.write.wrap import INDENT, WIDTH, filled, indented, wrapped

if TYPE_CHECKING:
    from archc_torch.group.classes import Class, Classes
    from archc_torch.sketch import Output, Parameter

ROOM = WIDTH - len(INDENT)  # characters of a line within a class or function


def rendered(classes: Classes, found: Class, tables: dict[str, object]) -> list[str]:
    """The lines; large literals are left to `tables`, which all classes share."""
    says = Expressions(classes, found, tables)
    return _function(says) if found.function else _class(says)


def _class(says: Expressions) -> list[str]:
    chain = says.found.sketch.modules.chain
    doing: list[str] = []
    if not chain:  # first of all: it tells what it needs of self
        says.in_forward = True
        signature = ", ".join(["self", *forward.parameters(says)])
        head = wrapped(f"def forward({signature}) -> {forward.result(says)}:", ROOM)
        doing = ["", *head, *indented(forward.body(says, ROOM - len(INDENT)))]
        says.in_forward = False
    making = Constructor(says, _given(says) if chain else "").lines(ROOM)
    lines = [*_docstring(says), *([""] if making else []), *making, *doing]
    base = "nn.Sequential" if chain else "nn.Module"
    return [f"class {says.found.name}({base}):", *indented(lines)]


def _function(says: Expressions) -> list[str]:
    signature = ", ".join([*forward.parameters(says), *arguments(says.found)])
    head = wrapped(f"def {says.found.name}({signature}) -> {forward.result(says)}:", WIDTH)
    body = forward.body(says, ROOM)
    return [*head, *indented([*_docstring(says), *kept(says, body), *body])]


def _docstring(says: Expressions) -> list[str]:
    """What the spec says of the block, then what comes in and what goes out."""
    sketch, template = says.found.sketch, says.found.template
    doc = names.one_line(template.doc) if template is not None and not sketch.top else ""
    every = says.found.sketches
    parameters = zip(*(each.parameters for each in every), strict=True)
    inputs = [f"{twins[0].variable}: {_type(says, twins)}" for twins in parameters]
    if sketch.modules.chain:
        inputs = [f"input: {_given(says)}"]
    outputs = [_type(says, twins) for twins in zip(*(each.outputs for each in every), strict=True)]
    if len(outputs) > 1:
        outputs = [
            f"{each.name}: {text}" for each, text in zip(sketch.outputs, outputs, strict=True)
        ]
    outputs[0] = f"→ {outputs[0]}"
    parts = [f"{part}," for part in inputs[:-1]] + inputs[-1:]
    parts += [f"{part}," for part in outputs[:-1]] + outputs[-1:]
    width = ROOM - 6
    about = [*filled(doc.split(" "), width), ""] if doc else []
    return names.docstring([*about, *filled(parts, width)])


def _type(says: Expressions, twins: Sequence[Parameter | Output]) -> str:
    """The type of an input or output in all instances; of a list, how many of what."""
    text = says.shapes.types([each.types[0] for each in twins])
    return f"{len(twins[0].types)} of {text}" if twins[0].listed else text


def _given(says: Expressions) -> str:
    """The type that a chain is given."""
    every = says.found.sketches
    return says.shapes.types([next(iter(each.definition.input_types().values())) for each in every])
