"""Variables for values: names of the spec, else x, y, z.

One that is not read any more is taken again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archc_torch import names
from archc_torch.code import Ref, Val
from archc_torch.lines import table
from archc_torch.sketch import Assign, For, If, Sketch, Stmt, refs, renamed

GENERIC = ("x", "y", "z", "u", "v", "w")
END = 1 << 40  # a position after all statements


class _Namer:
    """Goes through the statements twice: for the last use of each value, then for its name."""

    def __init__(
        self, hints: Mapping[Val, str], words: Mapping[Val, str], paths: Mapping[Val, str]
    ) -> None:
        self.hints, self.words, self.paths = hints, words, paths
        self.reserved = frozenset(table().helpers) | {"device"}
        self.position = 0
        self.defined: dict[Val, int] = {}
        self.last: dict[Val, int] = {}
        self.names: dict[Val, str] = {}
        self.holder: dict[str, Val] = {}  # what each variable holds at the moment

    # ---- last uses

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

    # ---- names

    def write(self, statements: list[Stmt]) -> None:
        for statement in list(statements):
            self.position += 1
            if isinstance(statement, Assign):
                self._assign(statement, statements)
            elif isinstance(statement, For):
                code = renamed(statement.code, self.names)
                statement.names = tuple(
                    self._name(val, (), self.position) for val in statement.targets
                )
                statement.code = code
                self.write(statement.body)
                self.position += 1
            elif isinstance(statement, If):
                self.write(statement.body)
            else:
                statement.code = renamed(statement.code, self.names)

    def _assign(self, statement: Assign, statements: list[Stmt]) -> None:
        read = refs(statement.code)
        code = renamed(statement.code, self.names)
        alone = read[0] if read and statement.code == (Ref(read[0]),) else None
        chosen: list[str] = []
        for val in statement.targets:
            chosen.append("_" if val is None else self._name(val, read, self.position, chosen))
        statement.names, statement.code = tuple(chosen), code
        while "(_, _)" in (filled := statement.pattern.format(*chosen)):
            statement.pattern = filled.replace("(_, _)", "_")
        if alone is not None and chosen == [self.names[alone]]:
            statements.remove(statement)

    def _name(
        self,
        val: Val,
        read: Iterator[Val] | list[Val] | tuple[Val, ...],
        here: int,
        taken: list[str] | tuple[str, ...] = (),
    ) -> str:
        if val in self.names:
            return self.names[val]
        hint = self.hints.get(val)
        candidates: list[str] = []
        if hint is not None:
            candidates.append(names.safe(hint, self.reserved))
        else:
            first = next(iter(read), None)
            if first is not None and first in self.names and _generic(self.names[first]):
                candidates.append(self.names[first])
            if val in self.words and not any(
                self._free(name, here) for name in [*candidates, GENERIC[0]]
            ):
                candidates.append(names.safe(spoken(self.words[val]), self.reserved))
            candidates += GENERIC
            if val in self.paths:
                candidates.append(names.safe(spoken(self.paths[val]), self.reserved))
        free = [name for name in candidates if self._free(name, here) and name not in taken]
        busy = (
            {name for name in self.holder if not self._free(name, here)}
            | set(taken)
            | self.reserved
        )
        name = free[0] if free else names.unique(candidates[0], busy)
        self.names[val] = name
        self.holder[name] = val
        return name

    def _free(self, name: str, here: int) -> bool:
        held = self.holder.get(name)
        return held is None or self.last.get(held, 0) <= here


def name(
    sketch: Sketch,
    hints: Mapping[Val, str],
    words: Mapping[Val, str],
    paths: Mapping[Val, str],
    parameters: list[Val],
) -> None:
    """Gives every variable of the sketch its name, and every code its variables.

    A value with a hint is called so; one with a word only if it can be neither x nor what it is
    made of, and one
    with a path only if no short name is left.
    """
    namer = _Namer(hints, words, paths)
    taken: set[str] = set(namer.reserved)
    extra = [*sketch.sizes, *sketch.models]
    for parameter, val in zip(sketch.parameters, parameters, strict=True):
        parameter.variable = names.safe(parameter.name, taken)
        taken.add(parameter.variable)
        namer.names[val], namer.holder[parameter.variable] = parameter.variable, val
    for word in extra:
        namer.reserved |= {names.safe(word, ())}
    namer.read(sketch.body)
    for output in sketch.outputs:
        for val in refs(output.code):
            namer.last[val] = END
    namer.position = 0
    namer.write(sketch.body)
    for output in sketch.outputs:
        output.code = renamed(output.code, namer.names)
    for statement in sketch.setup:
        statement.code = renamed(statement.code, namer.names)
    sketch.locals = set(namer.names.values()) | {names.safe(word, ()) for word in extra}


def spoken(path: str) -> str:
    """A name for what a module at a path gives.

    `body.layer1` is layer1, `fpn.inner.0` is inner0.
    """
    parts = path.split(".")
    numbers: list[str] = []
    while len(parts) > 1 and parts[-1].isdigit():
        numbers.insert(0, parts.pop())
    return f"{names.singular(parts[-1]) if numbers else parts[-1]}{'_'.join(numbers[:1])}"


def _generic(name: str) -> bool:
    return name.rstrip("0123456789") in GENERIC
