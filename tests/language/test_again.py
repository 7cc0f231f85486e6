"""One tree in memory serves many programs: what is kept on it hangs on no parameter and no type."""

from __future__ import annotations

import pickle
from pathlib import Path

import networkx as nx
import pytest

from archc.elaborate import elaborate
from archc.errors import SpecError
from archc.ir.digest import digest
from archc.ir.dims import symbol
from archc.ir.text import text
from archc.pipeline import settings_from
from archc.spec.load import Loader

SPECS = Path(__file__).parent.parent.parent / "specs"

CHOSEN = """
archc: 1
params: {act: relu, wide: 4, rate: 0.1, name: N}
defaults: {conv2d: {bias: false, init: {weight: {normal: =rate}}}, dropout: {rate: =rate}}
inputs: {image: [N, 3, 8, 8]}
blocks:
  unit: {params: {out: int, rate: 0.5}, graph: [{conv2d: {out: =out, kernel: 3}}, {dropout: =rate}]}
graph:
  - {unit: {out: =wide, rate: =rate}}
  - =act
  - dropout
  - {resize: {size: [=2 * wide, 4]}}
"""


def load(name: str):
    loader = Loader()
    return loader.load(SPECS / name)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("nasbench201.yaml", [{"width": 8}, {"edges": {"e10": "zeros_like", "e20": "pool3x3",
          "e21": "identity", "e30": "conv1x1", "e31": "conv3x3", "e32": "identity"}}, {}]),
        ("resnet.yaml", [{"depths": [1, 1, 1, 1]}, {"block": "basic"}, {"classes": 10}]),
        ("gpt2.yaml", [{"layers": 2}, {"heads": 4, "dim": 32}, {"layers": 3}]),
    ],
)  # fmt: skip
def test_programs_of_one_tree_are_those_of_fresh_ones(name, settings):
    shared = load(name)
    for values in [*settings, *reversed(settings)]:
        again = elaborate(shared, None, settings_from(values, shared))
        fresh = load(name)
        alone = elaborate(fresh, None, settings_from(values, fresh))
        assert text(again) == text(alone)
        assert digest(again) == digest(alone)


def test_what_parameters_decide_is_looked_at_anew():
    shared = Loader().load_text(CHOSEN, "chosen.yaml")
    for values in ({}, {"act": {"leaky_relu": 0.3}}, {"wide": 6}, {"rate": 0.25}, {"act": "tanh"}):
        fresh = Loader().load_text(CHOSEN, "chosen.yaml")
        again = elaborate(shared, None, settings_from(values, shared))
        assert text(again) == text(elaborate(fresh, None, settings_from(values, fresh)))


def test_an_attribute_means_the_same_whether_it_is_written_out_or_computed():
    spec = "archc: 1\ninputs: {{x: [N, 4, 8, 8]}}\ngraph: [{{conv2d: {{out: {}, kernel: 3}}}}]\n"
    written, computed = (
        elaborate(Loader().load_text(spec.format(out), "net.yaml")) for out in ("8", "=2 * 4")
    )
    assert text(written) == text(computed)
    assert digest(written) == digest(computed)


def test_an_error_is_told_every_time_and_leaves_nothing_behind():
    shared = Loader().load_text(CHOSEN, "chosen.yaml")
    fine = text(elaborate(shared, None, {}))
    told = []
    for _ in range(2):
        with pytest.raises(SpecError) as caught:
            elaborate(shared, None, settings_from({"wide": -1}, shared))
        told.append([(d.code, d.message, str(d.place)) for d in caught.value.diagnostics])
    assert told[0] == told[1]
    assert text(elaborate(shared, None, {})) == fine


def test_graphs_are_whole_as_networkx_sees_them():
    file = load("resnet.yaml")
    for definition in elaborate(file, None, {}).definitions():
        graph = definition.graph.networkx
        assert nx.is_directed_acyclic_graph(graph)
        assert sorted(graph.in_edges(keys=True)) == sorted(graph.out_edges(keys=True))
        assert graph.number_of_edges() == definition.graph.edges
        for id in definition.graph:
            edges = graph.in_edges(id, keys=True, data="port")
            read = {slot: (source, port) for source, _, slot, port in edges}
            given = enumerate(definition.graph.inputs(id))
            assert read == {slot: tuple(value) for slot, value in given if value is not None}


def test_sizes_and_formulas_travel_to_other_processes():
    size = 3 * symbol("N") + 1
    assert hash(size) == hash(3 * symbol("N") + 1)
    assert pickle.loads(pickle.dumps(size)) == size
    formula = Loader().load_text(CHOSEN, "chosen.yaml").blocks["unit"].steps[1].value.formula
    assert pickle.loads(pickle.dumps(formula)).text == formula.text
