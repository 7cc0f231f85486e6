"""Canonical order: isomorphic graphs hash equally, others do not, by brute force on small ones."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from archc.ir.canonical import canonical
from archc.ir.vertices import PORT_BITS, Vertex, absorbed, simplified


@st.composite
def graphs(draw, most=6):
    """Small graphs with many likenesses: few keys, few inputs, every vertex an end or not."""
    count = draw(st.integers(1, most))
    vertices = []
    for index in range(count):
        inputs = draw(st.lists(st.integers(0, index - 1), max_size=2)) if index else []
        ports = [draw(st.integers(0, 1)) for _ in inputs]
        vertices.append(
            Vertex(
                draw(st.sampled_from([b"a", b"b"])),
                tuple((i << PORT_BITS) + port for i, port in zip(inputs, ports, strict=True)),
                draw(st.booleans()),
            )
        )
    ends = draw(st.lists(st.integers(0, count - 1), max_size=2))
    return vertices, [end << PORT_BITS for end in ends]


def moved(vertices, ends, order):
    """The graph with its vertices in another topological order; operands that may, reversed."""
    place = {old: new for new, old in enumerate(order)}

    def value(v):
        return (place[v >> PORT_BITS] << PORT_BITS) + (v & ((1 << PORT_BITS) - 1))

    made = []
    for old in order:
        inputs = [value(v) for v in vertices[old].inputs]
        if vertices[old].unordered:
            inputs.reverse()
        made.append(Vertex(vertices[old].key, tuple(inputs), vertices[old].unordered))
    return made, [value(v) for v in ends]


def orders(vertices):
    """Every topological order."""
    for order in permutations(range(len(vertices))):
        place = {old: new for new, old in enumerate(order)}
        if all(place[v >> PORT_BITS] < place[i] for i, x in enumerate(vertices) for v in x.inputs):
            yield order


def plain(vertices, ends):
    return (
        tuple(
            (v.key, v.unordered, tuple(sorted(v.inputs) if v.unordered else v.inputs))
            for v in vertices
        ),
        tuple(ends),
    )


def isomorphic(one, other):
    target = plain(*other)
    return len(one[0]) == len(other[0]) and any(
        plain(*moved(*one, order)) == target for order in orders(one[0])
    )


@given(graphs(), st.randoms(use_true_random=False))
def test_any_order_gives_one_hash(graph, random):
    choices = list(orders(graph[0]))
    found = {canonical(*moved(*graph, random.choice(choices))).hash for _ in range(6)}
    assert found == {canonical(*graph).hash}


@given(graphs(5), graphs(5))
@settings(max_examples=300)
def test_one_hash_means_one_graph(one, other):
    same = canonical(*one).hash == canonical(*other).hash
    assert same == isomorphic(one, other)


@given(graphs(5), st.data())
@settings(max_examples=200)
def test_a_small_change_changes_the_hash(graph, data):
    """Nearly equal graphs are where a hash would fail: one input, key or end is another."""
    vertices, ends = list(graph[0]), list(graph[1])
    index = data.draw(st.integers(0, len(vertices) - 1))
    vertex = vertices[index]
    if vertex.inputs and data.draw(st.booleans()):
        slot = data.draw(st.integers(0, len(vertex.inputs) - 1))
        to = data.draw(st.integers(0, index - 1)) << PORT_BITS
        inputs = (*vertex.inputs[:slot], to, *vertex.inputs[slot + 1 :])
        vertices[index] = Vertex(vertex.key, inputs, vertex.unordered)
    else:
        vertices[index] = Vertex(b"c", vertex.inputs, vertex.unordered)
    changed = vertices, ends
    same = canonical(*graph).hash == canonical(*changed).hash
    assert same == isomorphic(graph, changed)


@given(graphs())
def test_ranks_are_a_topological_numbering_of_all(graph):
    ranks = canonical(*graph).ranks
    assert sorted(ranks) == list(range(len(graph[0])))


def test_many_like_parts_take_little_work():
    """A hundred pairs of like branches, each pair to be told apart by a choice."""
    vertices = [Vertex(b"input")]
    last = 0
    for _ in range(100):
        count = len(vertices)
        vertices += [Vertex(b"a", (last,)), Vertex(b"a", (last,))]
        vertices.append(Vertex(b"sum", (count << PORT_BITS, (count + 1) << PORT_BITS), True))
        last = (count + 2) << PORT_BITS
    one = canonical(vertices, [last])
    assert len(set(one.ranks)) == 301


def test_sums_of_sums_and_weights_used_once():
    leaf = [Vertex(b"x"), Vertex(b"w"), Vertex(b"w")]
    x, w, v = (index << PORT_BITS for index in range(3))
    inner, outer = 3 << PORT_BITS, 4 << PORT_BITS
    graph = [*leaf, Vertex(b"sum", (x, w), True), Vertex(b"sum", (inner, v), True)]
    found = simplified(graph, [outer], {b"sum"}, {0, 1, 2})
    assert [vertex.inputs for vertex in found.vertices[3:]] == [(x, w, v)]
    shared = simplified(graph, [outer, inner], {b"sum"}, {0, 1, 2})
    assert len(shared.vertices) == 5
    merged = absorbed(found.vertices, [found[outer]], {1, 2})
    assert len(merged.vertices) == 2 and merged.vertices[1].inputs == (x,)
