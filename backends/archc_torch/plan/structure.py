"""What two sketches have in common if they are one class: all of their code but for the numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from archc.spec.values import Argument
from archc_torch.code import Axis, Build, Callee, Code, Hole, Numbers, Part
from archc_torch.sketch import Assign, Branch, Do, For, If, Sketch, Stmt

if TYPE_CHECKING:
    from archc.ir.program import Definition

Key = int
KeyOf = Callable[["Definition"], Key]  # which class a definition that is called belongs to


def structure(sketch: Sketch, key: KeyOf) -> Any:
    """The sketch's structure, to be compared and hashed."""
    return _Structure(key).sketch(sketch)


class _Structure:
    """Takes sketches apart; `key` stands for the definitions that they call."""

    def __init__(self, key: KeyOf) -> None:
        self.key = key

    def sketch(self, sketch: Sketch) -> Any:
        parameters = tuple(
            (each.name, each.variable, each.listed, len(each.types) if each.listed else 1)
            for each in sketch.parameters
        )
        outputs = tuple(
            (output.name, output.listed, len(output.types), self.code(output.code))
            for output in sketch.outputs
        )
        return (
            parameters,
            tuple(sketch.models),
            tuple(sketch.sizes),
            sketch.device,
            sketch.definition.parameters,
            self.branch(sketch.modules),
            self.statements(sketch.setup),
            self.statements(sketch.body),
            outputs,
        )

    def branch(self, branch: Branch) -> Any:
        children = tuple(
            (name, self.branch(child))
            if isinstance(child, Branch)
            else (name, child.kind, child.count, child.gap, self.code(child.code))
            for name, child in branch.children.items()
        )
        return branch.chain, branch.gap, children

    def statements(self, statements: list[Stmt]) -> Any:
        return tuple(map(self.statement, statements))

    def statement(self, statement: Stmt) -> Any:
        match statement:
            case Assign(names=names, pattern=pattern, code=code):
                return names, pattern, self.code(code)
            case For(names=names, code=code, body=body):
                return names, self.code(code), self.statements(body)
            case Do(code=code):
                return self.code(code)
            case If(gap=gap, body=body):
                return gap, self.statements(body)

    def code(self, code: Code) -> Any:
        return tuple(map(self.part, code))

    def part(self, part: Part) -> Any:
        match part:
            case str():
                return part
            case Hole(value=Argument(name=name)):
                return "argument", name, part.keyword
            case Hole():
                return "hole", part.keyword, part.comma
            case Axis(name, axis):
                return "axis", name, axis
            case Build(definition, arguments) | Numbers(definition, arguments):
                passed = tuple(
                    (name, value.name if isinstance(value, Argument) else None)
                    for name, value in arguments.items()
                )
                return type(part).__name__, self.key(definition), passed
            case Callee(definition, path):
                return "callee", self.key(definition), path
        raise TypeError(f"no structure: {part!r}")
