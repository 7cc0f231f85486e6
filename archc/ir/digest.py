"""The structural hash of a model: what keys caches, finds duplicates in search, and proves origins.

Two models have one digest if they are the same function of the same interface, as far as this goes.
It does not depend on

1. names of steps, weights, blocks, scopes and symbolic dimensions, places and documentation;
2. the order of steps where it means nothing, and of the operands of commutative ops;
3. dead steps, `identity`, and dropout or drop path at rate 0;
4. how the model is cut: a block or a model that is called or written inline, a scope, a counted
   repeat or its copies one by one, a parameter that passes through or its number;
5. sums within sums (products, maxima, minima, conjunctions and disjunctions too), where rounding
   may differ, and equal steps on equal values, if they neither draw numbers nor keep statistics
   while training;
6. which step owns a weight and which is tied to it, reads it or is fed it;
7. the initialisers of weights that are trained: a network is the same before and after training.

It does depend on ops and their attributes, rates and eps among them; on shapes and element types;
on which weights are shared and which are trained; on the values of tables and the initialisers of
weights that are never trained; on the names, the order and the types of inputs, and on the names
and the order of outputs. Other rewrites are not seen through (x + 0, axis -1 for 3): canonicalise
before.

The text begins with the format's version: digests of different versions are not compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from archc.ir.canonical import PORT_BITS, Vertex, canonical, hashed
from archc.ir.keys import Keys
from archc.ir.lookup import Lookup
from archc.ir.program import Program
from archc.ir.unrolled import Instance, Unrolled, moved, moved_value

VERSION = "archc1"


def digest(program: Program, model: str | None = None) -> str:
    """`archc1-` and 32 hexadecimal digits, of the main model or another; KeyError if unknown.

    Takes time in proportion to the unrolled model, and its logarithm.
    """
    name = program.main if model is None else model
    definition = program.models[name]
    keys = Keys.of(definition)
    unrolled = Unrolled(keys, Lookup(program))
    types = definition.input_types()
    inputs = [unrolled.leaf(Vertex(f"input {k}".encode())) for k in range(len(types))]
    outputs = unrolled.run(definition, {}, inputs, Instance(name, definition))
    vertices, places = unrolled.reachable(outputs)
    ends = [moved_value(value, places) for value in outputs]
    owned = {places[i] for v in unrolled.weights.values() if (i := v >> PORT_BITS) in places}
    found = canonical(*_absorbed(vertices, ends, owned))
    interface = keys.value([
        [[name, keys.type(type)] for name, type in types.items()], list(definition.outputs),
    ])  # fmt: skip
    return f"{VERSION}-{hashed(interface.encode(), found.hash).hex()}"


def _absorbed(
    vertices: list[Vertex], outputs: Sequence[int], weights: set[int]
) -> tuple[list[Vertex], list[int]]:
    """The same graph with each weight that is used once as a part of what uses it.

    It leaves nothing to tell apart but weights that are shared, in most networks none.
    """
    uses = Counter(value >> PORT_BITS for vertex in vertices for value in vertex.inputs)
    uses.update(value >> PORT_BITS for value in outputs)
    once = {index for index in weights if uses[index] == 1}
    once -= {value >> PORT_BITS for value in outputs}
    kept: list[Vertex] = []
    places: dict[int, int] = {}
    absorbed: dict[tuple[bytes, ...], bytes] = {}
    for index, vertex in enumerate(vertices):
        if index in once:
            continue
        parts = [vertices[i].key if (i := v >> PORT_BITS) in once else b"" for v in vertex.inputs]
        if any(parts):
            given = (vertex.key, *(sorted(filter(None, parts)) if vertex.unordered else parts))
            if given not in absorbed:
                absorbed[given] = hashed(*given)
            rest = tuple(v for v in vertex.inputs if v >> PORT_BITS not in once)
            vertex = Vertex(absorbed[given], rest, vertex.unordered)
        places[index] = len(kept)
        kept.append(moved(vertex, places))
    return kept, [moved_value(value, places) for value in outputs]
