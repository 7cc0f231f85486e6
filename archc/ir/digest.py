"""The structural hash of a model: what keys caches, finds duplicates in search, and proves origins.

Two models have one digest if they are the same function of the same interface, as far as this goes.
It does not depend on

1. names of steps, weights, blocks, scopes and symbolic dimensions, places and documentation;
2. the order of steps where it means nothing, and of the operands of commutative ops;
3. dead steps, `identity`, and dropout or drop path at rate 0;
4. how the model is cut: a block or a model that is called or written inline, a scope, a counted
   repeat or its copies one by one, a parameter that passes through or its number;
5. sums within sums (products, maxima, minima, conjunctions and disjunctions too) where nothing
   else uses the inner one, though rounding may differ, and equal steps on equal values, if they
   neither draw numbers nor keep statistics while training;
6. zeros: what is 0 whatever the weights and the finite numbers that come in, as `Op.gives_zero`
   tells (`zeros_like`; relu, a pooling or a convolution without bias of zeros, whose weights are
   then dead; a product with zeros), is one constant by its type. Sums have it not among their
   operands, unless their shape comes from it. It is not followed into scans and out of them, and
   weights are never taken for zero;
7. which step owns a weight and which is tied to it, reads it or is fed it;
8. the initialisers of weights that are trained: a network is the same before and after training;
   unless it is asked what a training makes of them.

It does depend on ops and their attributes, rates and eps among them; on shapes and element types;
on which weights are shared and which are trained; on the values of tables and the initialisers of
weights that are never trained; on the names, the order and the types of inputs, and on the names
and the order of outputs. Other rewrites are not seen through (x · 1, axis -1 for 3): canonicalise
before.

The text begins with the format's version: digests of different versions are not compared.
"""

from __future__ import annotations

from collections.abc import Sequence

from archc.errors import SpecError
from archc.ir.canonical import canonical
from archc.ir.keys import Keys
from archc.ir.lookup import Lookup
from archc.ir.nodes import CallNode
from archc.ir.program import Definition, Program
from archc.ir.unrolled import Instance, Unrolled, shares_weights
from archc.ir.vertices import PORT_BITS, absorbed, hashed, simplified

VERSION = "archc1"
MOST = 2_000_000  # unrolled steps


def digest(
    program: Program, model: str | None = None, *, told_apart: Sequence[str] | None = None
) -> str:
    """`archc1-` and 32 hexadecimal digits, of the main model or another; KeyError if unknown.

    Where it matters how training goes, `told_apart` has the patterns by which the names of weights
    are chosen for something there (fnmatch's, mostly none). Then initialisers count, and which of
    the patterns a weight matches.

    Takes time in proportion to the unrolled model, and its logarithm; SpecError E225 where that is
    beyond what any network has.
    """
    name = program.main if model is None else model
    definition = program.models[name]
    if unrolled_size(definition, {}) > MOST:
        raise SpecError.of("E225", f"'{name}' has more than {MOST:,} steps once it is unrolled",
                           definition.place)  # fmt: skip
    keys = Keys.of(definition, initial=told_apart is not None)
    lookup, types = Lookup(program), definition.input_types()
    patterns = told_apart or ()
    shared = bool(patterns) or shares_weights(definition, set())

    def run(uses: list[set[int]] | None) -> tuple[Unrolled, list[int]]:
        unrolled = Unrolled(keys, lookup, uses=uses, shared=shared, patterns=patterns)
        inputs = [unrolled.leaf(f"input {k}".encode()) for k in range(len(types))]
        return unrolled, unrolled.run(definition, {}, inputs, Instance(name, definition))

    unrolled, outputs = run(None)
    if unrolled.scans:
        unrolled, outputs = run(unrolled.live(outputs))
    graph = simplified(unrolled.vertices, outputs, unrolled.sums, unrolled.unlike)
    ends = [graph[value] for value in outputs]
    if shared:
        weights = {graph[v] >> PORT_BITS for v in unrolled.weights.values() if v in graph}
        graph = absorbed(graph.vertices, ends, weights)
        ends = [graph[value] for value in ends]
    found = canonical(graph.vertices, ends)
    interface = keys.value([
        [[name, keys.type(type)] for name, type in types.items()], list(definition.outputs),
    ])  # fmt: skip
    return f"{VERSION}-{hashed(interface.encode(), found.hash).hex()}"


def unrolled_size(definition: Definition, known: dict[Definition, int]) -> int:
    """How many nodes the definition has with all its calls written out."""
    if definition not in known:
        known[definition] = sum([
            node.count * unrolled_size(node.definition, known) if isinstance(node, CallNode) else 1
            for _, node in definition.graph.nodes()
        ])  # fmt: skip
    return known[definition]
