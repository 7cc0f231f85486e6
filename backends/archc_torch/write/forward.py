"""What a class or function does: its signature, the sizes that it reads, its statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archc_torch import names
from archc_torch.code import Axis
from archc_torch.write.statements import statements
from archc_torch.write.wrap import wrapped

if TYPE_CHECKING:
    from archc_torch.write.expressions import Expressions


def parameters(says: Expressions) -> list[str]:
    """Tensors, then sizes, the device and models that it is given."""
    sketch, library = says.found.sketch, says.classes.library
    texts = [
        f"{each.variable}: {'list[Tensor]' if each.listed else 'Tensor'}"
        for each in sketch.parameters
    ]
    texts += [f"{names.safe(name, ())}: int" for name in sketch.sizes]
    texts += ["device: torch.device"] if sketch.device else []
    for name in sketch.models:
        model = says.classes.of(library.model(name).definition)
        texts.append(f"{names.safe(name, ())}: {model.name}")
    return texts


def result(says: Expressions) -> str:
    """The type of what it gives."""
    if says.found.outputs is not None:
        return says.found.outputs.name
    outputs = says.found.sketch.outputs
    texts = ["list[Tensor]" if output.listed else "Tensor" for output in outputs]
    return texts[0] if len(texts) == 1 else f"tuple[{', '.join(texts)}]"


def body(says: Expressions, room: int) -> list[str]:
    """Its lines, of `room` characters."""
    sketch = says.found.sketch
    lines = statements(says, sketch.body, room)
    given = ", ".join(says.text(output.code) for output in sketch.outputs)
    if says.found.outputs is not None:
        given = f"{says.found.outputs.name}({given})"
    return [*_sizes(says), *lines, *wrapped(f"return {given}", room)]


def _sizes(says: Expressions) -> list[str]:
    """The sizes that are read from the inputs' shapes."""
    sketch, axes_of = says.found.sketch, says.shapes.axes
    used: dict[str, set[int]] = {}
    for code in sketch.codes():
        for part in code:
            if isinstance(part, Axis):
                used.setdefault(part.input, set()).add(part.axis)
    lines: list[str] = []
    for name, axes in sorted(used.items()):
        shape = f"{_input(says, name)}.shape"
        if len(axes) == 1:
            (axis,) = axes
            lines.append(f"{axes_of[name, axis]} = {shape}[{axis}]")
            continue
        rank = sketch.definition.input_types()[name].rank
        targets = [axes_of[name, axis] if axis in axes else "_" for axis in range(rank)]
        lines.append(f"{', '.join(targets)} = {shape}")
    return lines


def _input(says: Expressions, name: str) -> str:
    """The expression for an input: a variable, or an item of one."""
    head, _, index = name.partition(".")
    parameters = says.found.sketch.parameters
    variable = next(each.variable for each in parameters if each.name == head)
    return f"{variable}[{index}]" if index else variable
