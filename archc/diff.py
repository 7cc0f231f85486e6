"""What differs between two networks: steps added, removed and changed, by their paths.

Each model becomes a tree of parts: scopes, copies, blocks and steps. Parts with a name are paired
by it, those without by what they are, in order, so that an inserted step moves no other. A
definition is compared once, however often it is called; a number that is only passed through is a
change of the call, not of all the steps that read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from hashlib import blake2b
from typing import Literal

from archc.init import Init
from archc.ir.graph import Value
from archc.ir.nodes import CallNode, InputNode, Node, OpNode, ScanNode, Weight, WeightNode
from archc.ir.program import Definition, Program
from archc.ir.text import identical, reference, value
from archc.ops.list_kinds import NamedSizes

Kind = Literal["added", "removed", "changed"]
Facts = Mapping[str, str]

CONSEQUENCES = ("shape", "weights")
"""Facts that follow from a change further up; alone they are not worth a line each."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `what` is the op or block; `facts` are the old and new text of what changed.

    In `path`, `h.[0..11]` are copies that changed alike.
    """

    kind: Kind
    path: str
    what: str
    facts: tuple[tuple[str, str, str], ...] = ()

    @property
    def consequence(self) -> bool:
        """Whether only shapes differ, because of another change."""
        return self.kind == "changed" and all(name in CONSEQUENCES for name, _, _ in self.facts)

    def as_json(self) -> dict[str, object]:
        facts = {name: {"old": old, "new": new} for name, old, new in self.facts}
        return {
            "kind": self.kind, "path": self.path, "what": self.what, "facts": facts,
            "consequence": self.consequence,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs between two programs."""

    changes: tuple[Change, ...]
    params: tuple[int, int]
    macs: tuple[int, int]

    @property
    def same(self) -> bool:
        return not self.changes and self.params[0] == self.params[1]


@dataclass(eq=False)
class Part:
    """A step, a scope, a copy or a block; one with a `body` has its parts in that definition."""

    segment: str
    named: bool
    what: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    body: Definition | None = None

    @property
    def shown(self) -> str:
        """What it is, with its attributes."""
        hidden = (*CONSEQUENCES, "in")
        given = [f"{k}: {v}" for k, v in self.facts.items() if k not in hidden and " of " not in k]
        return f"{self.what} {{{', '.join(given)}}}" if given else self.what


def difference(a: Program, b: Program) -> Difference:
    """What must change to make `a` into `b`."""
    compare = _Compare()
    changes: list[Change] = []
    single = len(a.models) == len(b.models) == 1
    pairs = [(a.main, b.main)] if single else [(name, name) for name in [*a.models, *b.models]]
    for ours, theirs in dict.fromkeys(pairs):
        old, new = a.models.get(ours), b.models.get(theirs)
        path = "" if single else ours
        if old is None or new is None:
            kind: Kind = "added" if old is None else "removed"
            changes.append(Change(kind, path, "model"))
            continue
        changes += _interface(old, new, path)
        found = compare.definitions(old, new)
        changes += [replace(one, path=_join(path, one.path)) for one in found]
    return Difference(tuple(changes), (a.params, b.params), (a.macs, b.macs))


def _interface(a: Definition, b: Definition, path: str) -> Iterator[Change]:
    """How the inputs and outputs of a model differ."""
    for what, old, new in (
        ("input", a.input_types(), b.input_types()),
        ("output", a.output_types(), b.output_types()),
    ):
        for name in dict.fromkeys([*old, *new]):
            before, after = old.get(name), new.get(name)
            if before == after:
                continue
            where = _join(path, name)
            if before is None or after is None:
                yield Change(
                    "added" if before is None else "removed", where, f"{what} {after or before}"
                )
            else:
                yield Change("changed", where, what, (("type", str(before), str(after)),))


def _join(path: str, segment: str) -> str:
    return f"{path}.{segment}" if path and segment else path or segment


# -- parts -----------------------------------------------------------------------------------------


def parts_of(definition: Definition) -> list[Part]:
    """The parts of a definition, scopes nested."""
    top: list[Part] = []
    scopes: dict[str, Part] = {}
    before: int | None = None
    for id, node in definition.graph.nodes():
        if isinstance(node, InputNode | WeightNode) or (
            isinstance(node, OpNode) and node.op.name == "constant"
        ):
            continue
        for part, path in _placed(definition, id, node, before):
            _scope(top, scopes, path.rpartition(".")[0]).append(part)
        before = id
    return top


def _scope(top: list[Part], scopes: dict[str, Part], path: str) -> list[Part]:
    """The parts of the scope at a path, which is made if it is not there."""
    if not path:
        return top
    if path not in scopes:
        outer, _, segment = path.rpartition(".")
        scopes[path] = Part(segment, named=True)
        _scope(top, scopes, outer).append(scopes[path])
    return scopes[path].parts


def _placed(
    definition: Definition, id: int, node: Node, before: int | None
) -> Iterator[tuple[Part, str]]:
    """A node's part and path; one for each copy of a repeated call."""
    step = node.step
    named = step is None or step.name is not None or not _last(node.path).isdigit()
    facts = {"in": _inputs(definition, id, before)}
    facts["shape"] = ", ".join(type.shape_text for type in node.types)
    if isinstance(node, OpNode):
        yield Part(_last(node.path), named, node.op.name, _op_facts(node) | facts), node.path
    elif isinstance(node, CallNode):
        what = node.definition.source or node.definition.name
        if isinstance(node, ScanNode):
            facts["scan"] = ", ".join(node.slots[slot] for slot in node.scanned)
        for name, number in node.arguments.items():
            facts[name] = value(number)
        for name, bound in node.definition.bound.items():
            facts[name] = _bound(bound)
        # The steps inside a model are compared where the model stands.
        body = None if node.model is not None else node.definition
        for k in range(node.count):
            path = (
                node.path if isinstance(node, ScanNode) or node.count == 1 else node.copies.path(k)
            )
            copy = facts if k == 0 else facts | {"in": "prev"}
            yield Part(_last(path), named, what, copy, body=body), path


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _op_facts(node: OpNode) -> dict[str, str]:
    """An op's attributes that are not at their defaults, and what is said about its weights."""
    facts: dict[str, str] = {}
    for name, given in node.op.values.items():
        if not identical(given, node.op.attributes[name].default):
            named = isinstance(node.op.attributes[name].kind, NamedSizes)
            facts[name] = _short(value(dict(given) if named else _single(given)))
    if node.weights:
        facts["weights"] = ", ".join(f"{w.slot} {w.type}" for w in node.weights)
    for weight in node.weights:
        facts.update(_weight_facts(weight))
    return facts


def _weight_facts(weight: Weight) -> Iterator[tuple[str, str]]:
    if weight.tie is not None:
        yield f"tie of {weight.slot}", reference(weight.tie)
    if not weight.trained and not weight.buffer:
        yield f"freeze of {weight.slot}", "true"
    if weight.value is None:
        yield f"init of {weight.slot}", _init(weight.init)
    else:
        yield f"value of {weight.slot}", _short(value(weight.value))


def _init(init: Init) -> str:
    """The initialiser; the bounds of a uniform one are those of the weight's size unless said."""
    numbers = [] if init.kind == "uniform" else [value(one) for one in init.args]
    return f"{init.kind}({', '.join(numbers)})" if numbers else init.kind


def _short(text: str) -> str:
    """The text, or its beginning and a hash where it is a whole table."""
    if len(text) <= 200:
        return text
    return f"{text[:40]}… #{blake2b(text.encode(), digest_size=4).hexdigest()}"


def _single(given: object) -> object:
    """`[3, 3]` as it is mostly written, `3`."""
    if isinstance(given, tuple) and given and all(identical(one, given[0]) for one in given):
        return given[0] if not isinstance(given[0], tuple) else given
    return given


def _bound(bound: object) -> str:
    if isinstance(bound, str | bool | int | float | list | dict) or bound is None:
        return str(bound)
    return type(bound).__name__


def _inputs(definition: Definition, id: int, before: int | None) -> str:
    """Where a node's inputs come from: `prev`, a name, or the op of a step without one."""
    graph = definition.graph
    return ", ".join(
        _source(definition, one, before) for one in graph.inputs(id) if one is not None
    )


def _source(definition: Definition, one: Value, before: int | None) -> str:
    node = definition.graph.node(one.node)
    if isinstance(node, OpNode) and node.op.name == "constant":
        return value(node.op.values["value"])
    if one.node == before:
        name = "prev"
    elif _last(node.path).isdigit() and isinstance(node, OpNode):
        name = f"the {node.op.name}"
    else:
        name = node.path
    return name if one.port == 0 else f"{name}#{one.port}"


# -- comparison ------------------------------------------------------------------------------------

Pair = tuple[Part | None, Part | None]


class _Compare:
    """Compares parts; each pair of definitions with equal arguments once."""

    def __init__(self) -> None:
        self.done: dict[tuple[Definition, Definition], tuple[Change, ...]] = {}

    def definitions(self, a: Definition, b: Definition) -> tuple[Change, ...]:
        if (a, b) not in self.done:
            self.done[a, b] = tuple(self.lists(parts_of(a), parts_of(b)))
        return self.done[a, b]

    def lists(self, a: list[Part], b: list[Part]) -> Iterator[Change]:
        """The changes among the parts of one scope, equal ones of copies in a row as one."""
        groups: list[tuple[str, tuple[Change, ...]]] = []
        for old, new in paired(a, b):
            part = new or old
            assert part is not None
            if old is None or new is None:
                kind: Kind = "added" if old is None else "removed"
                what = part.shown or f"{len(part.parts)} steps"
                groups.append((part.segment, (Change(kind, "", what),)))
            else:
                groups.append((part.segment, tuple(self.parts(old, new))))
        for segment, changes in merged(groups):
            for one in changes:
                yield replace(one, path=_join(segment, one.path))

    def parts(self, a: Part, b: Part) -> Iterator[Change]:
        if a.what != b.what:
            is_now = ("is", a.what or "a scope", b.what or "a scope")
            yield Change("changed", "", b.what or a.what, (is_now,))
            return
        facts = [
            (name, a.facts.get(name, ""), b.facts.get(name, ""))
            for name in dict.fromkeys([*a.facts, *b.facts])
            if a.facts.get(name, "") != b.facts.get(name, "")
        ]
        if facts:
            yield Change("changed", "", b.what, tuple(facts))
        if a.body is not None and b.body is not None:
            yield from self.definitions(a.body, b.body)
        else:
            yield from self.lists(
                *(p.parts if p.body is None else parts_of(p.body) for p in (a, b))
            )


def paired(a: Sequence[Part], b: Sequence[Part]) -> list[Pair]:
    """Which part of `a` is which of `b`, in the order of `b`; removed ones follow theirs."""
    partner: dict[int, Part] = {}
    names = {part.segment: part for part in b if part.named}
    for part in a:
        if part.named and part.segment in names:
            partner[id(part)] = names[part.segment]
    _by_order([p for p in a if not p.named], [p for p in b if not p.named], partner)
    mine = {id(new): old for old in a if (new := partner.get(id(old))) is not None}
    result: list[Pair] = [(mine.get(id(part)), part) for part in b]
    for k, part in enumerate(a):
        if id(part) not in partner:
            after = a[k - 1] if k else None
            at = next((n for n, (old, _) in enumerate(result) if old is after), -1) if after else -1
            result.insert(at + 1, (part, None))
    return result


def _by_order(a: Sequence[Part], b: Sequence[Part], partner: dict[int, Part]) -> None:
    """Pairs parts without names: equal ones first, then in the gaps those of one op."""
    i = j = 0
    for x, y, size in _matches([part.shown for part in a], [part.shown for part in b]):
        _gap(a[i:x], b[j:y], partner)
        partner.update((id(a[x + k]), b[y + k]) for k in range(size))
        i, j = x + size, y + size


def _gap(a: Sequence[Part], b: Sequence[Part], partner: dict[int, Part]) -> None:
    """Pairs parts of one op; where as many others stand between them on both sides, those, too."""
    i = j = 0
    for x, y, size in _matches([part.what for part in a], [part.what for part in b]):
        if x - i == y - j:
            partner.update((id(old), new) for old, new in zip(a[i:x], b[j:y], strict=True))
        partner.update((id(a[x + k]), b[y + k]) for k in range(size))
        i, j = x + size, y + size


def _matches(a: list[str], b: list[str]) -> list[tuple[int, int, int]]:
    """(start in a, start in b, length) of equal stretches; the last one is empty, at both ends."""
    blocks = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    return [(block.a, block.b, block.size) for block in blocks]


def merged(
    groups: Sequence[tuple[str, tuple[Change, ...]]],
) -> Iterator[tuple[str, tuple[Change, ...]]]:
    """Copies in a row that changed alike as one, `[0..11]`."""
    at = 0
    while at < len(groups):
        segment, changes = groups[at]
        end = at + 1
        if segment.isdigit():
            while (
                end < len(groups)
                and groups[end][0] == str(int(segment) + end - at)
                and _alike(groups[end][1], changes)
            ):
                end += 1
        yield (segment if end == at + 1 else f"[{segment}..{int(segment) + end - at - 1}]"), changes
        at = end


def _alike(a: tuple[Change, ...], b: tuple[Change, ...]) -> bool:
    """Whether two copies changed alike, and the change is worth a line."""
    return bool(b) and a == b
