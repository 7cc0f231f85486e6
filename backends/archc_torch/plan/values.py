"""Values of a definition while it is written: which have a variable, which wait to be written.

A value with one use waits, and is written into the expression that uses it. All others are held in
variables. Statements go into the block that is open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from archc.ir.graph import Value
from archc.ir.types import TensorType
from archc_torch.code import Code, Expr, Ref, Val, joined
from archc_torch.plan.frame import Frame
from archc_torch.plan.variables import Clues
from archc_torch.sketch import Assign, Stmt


class Values:
    """What is written for each value, and the statements that have been made."""

    def __init__(self, statements: list[Stmt], model: bool, phantoms: frozenset[int]) -> None:
        self.statements = statements
        self.model = model  # whether a whole model is written: it shows each of its parts
        self.phantoms = phantoms  # nodes of steps that are left out
        self.exprs: dict[Val, Expr] = {}  # what can be written any number of times
        self.waiting: dict[Val, Expr] = {}  # what is to be written once
        self.types: dict[Val, TensorType] = {}
        self.uses: dict[Val, int] = {}
        self.lists: dict[Val, int] = {}  # values that are lists, and how long they are
        self.clues = Clues()
        self._fresh = -1

    def enter(self, frame: Frame) -> None:
        """Counts how often each value of a graph is used."""
        definition = frame.definition
        for id in frame.live:
            for value in definition.graph.present(id):
                self.use(frame.val(value))
            for val, type in zip(frame.outputs(id), definition.graph.node(id).types, strict=True):
                self.types[val] = type
        for value in definition.outputs.values():
            self.use(frame.val(value))

    def use(self, val: Val) -> None:
        self.uses[val] = self.uses.get(val, 0) + 1

    def new(self, hint: str, type: TensorType | None = None) -> Val:
        """A value that no node has. One with a type is used once."""
        self._fresh -= 1
        val = (-1, self._fresh, 0)
        self.clues.hints[val] = hint
        if type is not None:
            self.types[val], self.uses[val] = type, 1
        return val

    # ---- reading

    def take(self, val: Val) -> Expr:
        """A value to be written: for the only time, if it has no variable."""
        return self.waiting.pop(val) if val in self.waiting else self.exprs[val]

    def listed(self, exprs: Sequence[Expr]) -> Code:
        """The values as a list: the list itself, where they are all that is in it."""
        codes = [expr.code for expr in exprs]
        found = self.list_of(codes)
        return ("[", *joined(codes), "]") if found is None else (Ref(found),)

    def list_of(self, codes: Sequence[Code]) -> Val | None:
        """The list that has exactly these items, in order."""
        head = codes[0][0] if codes[0] else None
        if not isinstance(head, Ref) or self.lists.get(head.value) != len(codes):
            return None
        whole = all(code == (head, f"[{k}]") for k, code in enumerate(codes))
        return head.value if whole else None

    # ---- writing

    def give(self, frame: Frame, value: Value, expr: Expr, name: str = "") -> None:
        """A node's value: written into its only user, or held in a variable, as if it has a name.

        A block's value in a model has a line of its own, unless it is what the model gives.
        """
        val = frame.val(value)
        if name:
            self.clues.hints[val] = name
        shown = expr.composite and self.model and bool(frame.definition.graph.users(value.node))
        if expr.simple:
            self.exprs[val] = expr
        elif name or self.uses.get(val, 0) > 1 or shown:
            self.hold(val, expr)
        else:
            self.waiting[val] = expr

    def hold(self, val: Val, expr: Expr) -> Expr:
        """Gives a value a variable before the statement that is being made."""
        absent = val[0] == 0 and val[1] in self.phantoms
        self.statements.append(Assign([val], expr.code, (self.types[val],), absent=absent))
        self.exprs[val] = Expr((Ref(val),))
        return self.exprs[val]

    def hold_all(self) -> None:
        """Gives all that waits a variable, as before a loop that would write it every time."""
        for val, expr in list(self.waiting.items()):
            del self.waiting[val]
            self.hold(val, expr)

    def unpack(
        self,
        targets: Sequence[Val],
        expr: Expr,
        pattern: str = "",
        types: Sequence[TensorType | None] | None = None,
    ) -> None:
        """Gives each of several values a variable; what nothing uses is called `_`."""
        types = types if types is not None else [self.types.get(val) for val in targets]
        used = [val if self.uses.get(val) else None for val in targets]
        pairs = zip(used, types, strict=True)
        shown = tuple(type for val, type in pairs if val is not None and type is not None)
        self.statements.append(Assign(used, expr.code, shown, pattern))
        self.exprs.update({val: Expr((Ref(val),)) for val in used if val is not None})

    @contextmanager
    def block(self) -> Iterator[list[Stmt]]:
        """Statements that are made meanwhile go into a list of their own."""
        outer, self.statements = self.statements, []
        try:
            yield self.statements
        finally:
            self.statements = outer
