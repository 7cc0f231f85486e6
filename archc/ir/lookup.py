"""Weights by their names: what a tie or a read refers to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from archc.ir.nodes import CallNode, OpNode, Weight, WeightNode, WeightRef
from archc.ir.program import Definition, Program


@dataclass(frozen=True, slots=True)
class Found:
    """A weight, the definition whose node has it, and what its path begins with there."""

    weight: Weight
    definition: Definition
    prefix: str


@dataclass(eq=False)
class Lookup:
    """Finds weights by path, going down the calls; remembers each definition's own."""

    program: Program
    _own: dict[Definition, tuple[dict[str, Weight], tuple[CallNode, ...]]] = field(
        default_factory=dict
    )

    def find(self, definition: Definition, path: str) -> Found | None:
        """The weight of an instance of the definition by its path within it.

        Of several nodes that use the same weight, the one that is not tied counts, or else the
        one that is not tied to that weight itself.
        """
        own, calls = self.own(definition)
        if path in own:
            return Found(own[path], definition, "")
        for call in calls:
            rest = below(call, path)
            found = None if rest is None else self.find(call.definition, rest)
            if rest is not None and found is not None:
                return replace(found, prefix=path[: len(path) - len(rest)] + found.prefix)
        return None

    def refer(self, ref: WeightRef, root: Definition, prefix: str) -> Found | None:
        """What the reference means in an instance whose weights begin with `prefix` below `root`.

        `root` is the model whose weights they are.
        """
        if ref.model is None:
            return self.find(root, prefix + ref.path)
        model = self.program.models.get(ref.model)
        return None if model is None else self.find(model, ref.path)

    def own(self, definition: Definition) -> tuple[dict[str, Weight], tuple[CallNode, ...]]:
        """The weights of the definition's own nodes by path, and the calls that bring more."""
        if definition not in self._own:
            own: dict[str, Weight] = {}
            calls: list[CallNode] = []
            for _, node in definition.graph.nodes():
                if isinstance(node, OpNode):
                    for weight in node.weights:
                        known = own.get(weight.path)
                        if known is None or (
                            known.tie is not None
                            and (weight.tie is None or known.tie == WeightRef(known.path))
                        ):
                            own[weight.path] = weight
                elif isinstance(node, CallNode) and node.model is None:
                    calls.append(node)
            self._own[definition] = own, tuple(calls)
        return self._own[definition]


def below(call: CallNode, path: str) -> str | None:
    """The path within the callee of a weight that is `path` in the caller; None if outside."""
    prefix, start = call.copies.prefix, call.copies.start
    if start is None:
        if not prefix:
            return path
        return path[len(prefix) + 1 :] if path.startswith(f"{prefix}.") else None
    if not path.startswith(prefix):
        return None
    copy, dot, rest = path[len(prefix) :].partition(".")
    if not dot or not copy.isdecimal() or not 0 <= int(copy) - start < call.count:
        return None
    return rest if copy == str(int(copy)) else None


def references(definition: Definition) -> Iterator[WeightRef]:
    """The ties and the reads of the definition's own nodes."""
    for _, node in definition.graph.nodes():
        if isinstance(node, WeightNode):
            yield node.ref
        elif isinstance(node, OpNode):
            yield from (weight.tie for weight in node.weights if weight.tie is not None)


@dataclass(frozen=True, slots=True)
class Instance:
    """One use of a definition: the model its weights belong to, and what their paths begin with."""

    root: Definition
    prefix: str


def instances(program: Program) -> dict[Definition, Instance]:
    """The first use of each definition."""
    found: dict[Definition, Instance] = {}

    def walk(definition: Definition, root: Definition, prefix: str) -> None:
        if definition in found:
            return
        found[definition] = Instance(root, prefix)
        for call in definition.calls():
            if call.model is not None:
                walk(call.definition, call.definition, "")
            else:
                path = call.copies.path()
                walk(call.definition, root, f"{prefix}{path}." if path else prefix)

    for model in program.models.values():
        walk(model, model, "")
    return found
