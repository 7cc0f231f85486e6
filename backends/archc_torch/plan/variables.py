"""Variables for values: names of the spec, else x, y, z, taken again once they are not read."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from archc_torch import names
from archc_torch.code import Ref, Val
from archc_torch.lines import table
from archc_torch.sketch import Assign, For, If, Sketch, Stmt, refs, renamed

GENERIC = ("x", "y", "z", "u", "v", "w")
END = 1 << 40  # a position after all statements


class Clues:
    """What tells a variable's name."""

    def __init__(self) -> None:
        self.hints: dict[Val, str] = {}  # what the value is called, if it has a variable
        self.words: dict[Val, str] = {}  # a block's path: for what can be neither x nor its input's
        self.paths: dict[Val, str] = {}  # a module's path: where no short name is left


def name(sketch: Sketch, clues: Clues, parameters: Sequence[Val]) -> None:
    """Gives every variable of the sketch its name, and every code its variables."""
    namer = _Namer(clues)
    taken = set(namer.reserved)
    extra = {names.safe(word, ()) for word in [*sketch.sizes, *sketch.models]}
    for parameter, val in zip(sketch.parameters, parameters, strict=True):
        parameter.variable = names.safe(parameter.name, taken)
        taken.add(parameter.variable)
        namer.names[val], namer.holder[parameter.variable] = parameter.variable, val
    namer.reserved |= extra
    namer.last = _last_uses(sketch)
    namer.write(sketch.body)
    for output in sketch.outputs:
        output.code = renamed(output.code, namer.names)
    for statement in sketch.setup:
        statement.code = renamed(statement.code, namer.names)
    sketch.locals = set(namer.names.values()) | extra


def _last_uses(sketch: Sketch) -> dict[Val, int]:
    """Where each value is read for the last time, as a position among the statements."""
    reader = _Reader()
    reader.read(sketch.body)
    return reader.last | {val: END for output in sketch.outputs for val in refs(output.code)}


class _Reader:
    """Goes through the statements for the last use of each value."""

    def __init__(self) -> None:
        self.position = 0
        self.defined: dict[Val, int] = {}
        self.last: dict[Val, int] = {}

    def read(self, statements: list[Stmt]) -> None:
        for statement in statements:
            self.position += 1
            here = self.position
            for val in refs(statement.code):
                self.last[val] = max(self.last.get(val, 0), here)
            if isinstance(statement, Assign | For):
                for target in statement.targets:
                    if target is not None:
                        self.defined.setdefault(target, here)
            if isinstance(statement, For):
                before = dict(self.last)
                self.read(statement.body)
                for val, position in self.last.items():
                    outside = self.defined.get(val, 0) < here
                    if outside and position != before.get(val):
                        self.last[val] = self.position + 1  # read again in the next round
                self.position += 1
            elif isinstance(statement, If):
                self.read(statement.body)


class _Namer:
    """Goes through the statements, by the same positions, for the names."""

    def __init__(self, clues: Clues) -> None:
        self.clues = clues
        self.reserved = frozenset(table().helpers) | {"device"}
        self.position = 0
        self.last: dict[Val, int] = {}
        self.names: dict[Val, str] = {}
        self.holder: dict[str, Val] = {}  # what each variable holds at the moment

    def write(self, statements: list[Stmt]) -> None:
        for statement in list(statements):
            self.position += 1
            if isinstance(statement, Assign):
                self._assign(statement, statements)
                continue
            statement.code = renamed(statement.code, self.names)
            if isinstance(statement, For):
                statement.names = tuple(self._name(val, ()) for val in statement.targets)
                self.write(statement.body)
                self.position += 1
            elif isinstance(statement, If):
                self.write(statement.body)

    def _assign(self, statement: Assign, statements: list[Stmt]) -> None:
        read = refs(statement.code)
        code = renamed(statement.code, self.names)
        alone = read[0] if read and statement.code == (Ref(read[0]),) else None
        chosen: list[str] = []
        for val in statement.targets:
            chosen.append("_" if val is None else self._name(val, read, chosen))
        statement.names, statement.code = tuple(chosen), code
        while "(_, _)" in (filled := statement.pattern.format(*chosen)):
            statement.pattern = filled.replace("(_, _)", "_")
        if alone is not None and chosen == [self.names[alone]]:
            statements.remove(statement)

    def _name(self, val: Val, read: Sequence[Val], taken: Collection[str] = ()) -> str:
        """The name of a value made from those that are read, and none of the `taken` ones."""
        if val in self.names:
            return self.names[val]
        candidates = self._candidates(val, read)
        free = [name for name in candidates if self._free(name) and name not in taken]
        busy = {name for name in self.holder if not self._free(name)} | {*taken, *self.reserved}
        name = free[0] if free else names.unique(candidates[0], busy)
        self.names[val] = name
        self.holder[name] = val
        return name

    def _candidates(self, val: Val, read: Sequence[Val]) -> list[str]:
        """Names for a value, the best first."""
        clues = self.clues
        if val in clues.hints:
            return [names.safe(clues.hints[val], self.reserved)]
        found: list[str] = []
        if read and read[0] in self.names and _generic(self.names[read[0]]):
            found.append(self.names[read[0]])
        if val in clues.words and not any(map(self._free, [*found, GENERIC[0]])):
            found.append(names.safe(spoken(clues.words[val]), self.reserved))
        found += GENERIC
        if val in clues.paths:
            found.append(names.safe(spoken(clues.paths[val]), self.reserved))
        return found

    def _free(self, name: str) -> bool:
        held = self.holder.get(name)
        return held is None or self.last.get(held, 0) <= self.position


def spoken(path: str) -> str:
    """A name for what a module gives: `body.layer1` is layer1, `fpn.inner.0` is inner0."""
    parts = path.split(".")
    numbers: list[str] = []
    while len(parts) > 1 and parts[-1].isdigit():
        numbers.insert(0, parts.pop())
    return f"{names.singular(parts[-1]) if numbers else parts[-1]}{'_'.join(numbers[:1])}"


def _generic(name: str) -> bool:
    return name.rstrip("0123456789") in GENERIC
