"""Blocks, parameters, variants, models, `use` and formulas."""

from __future__ import annotations

from pathlib import Path

import pytest
from language.templates import code, output, program, weights

from archc.errors import SpecError
from archc.pipeline import compile

BLOCK = "inputs: {x: [N, 4]}\nblocks: {b: {params: {out: int, act: relu, drop: 0.1}, graph: [{linear: =out, name: f}, =act, {dropout: =drop}]}}\n"


def test_a_block_used_twice_makes_two_sets_of_weights() -> None:
    p = program(BLOCK + "graph: [{b: 4, name: one}, {b: 4, name: two}]")
    assert weights(p) == ["one.f.weight", "one.f.bias", "two.f.weight", "two.f.bias"]
    assert len(p.definitions()) == 2


def test_rates_do_not_tell_definitions_apart() -> None:
    p = program(
        BLOCK + "graph: [{b: {out: 4, drop: 0.2}, name: one}, {b: {out: 4, drop: 0.3}, name: two}]"
    )
    assert len(p.definitions()) == 2
    assert [call.arguments for call in p.model.calls()] == [{"drop": 0.2}, {"drop": 0.3}]


def test_a_rate_that_is_computed_with_does_tell_them_apart() -> None:
    blocks = "inputs: {x: [N, 4]}\nblocks: {b: {params: {drop: 0.1}, graph: [{dropout: =drop / 2}, {linear: 4, name: f}]}}\n"
    p = program(blocks + "graph: [{b: 0.2, name: one}, {b: 0.3, name: two}, {b: 0.3, name: three}]")
    assert len(p.definitions()) == 3


def test_a_rate_passes_through_several_blocks() -> None:
    text = """
inputs: {x: [N, 4]}
blocks:
  inner: {params: {rate: 0.0}, graph: [{linear: 4, name: f}, {dropout: =rate}]}
  outer: {params: {drop: 0.0}, graph: [{inner: =drop, name: i}]}
graph:
  - {outer: "=0.1 * i", name: h, repeat: {i: 5}}
"""
    p = program(text)
    assert len(p.definitions()) == 3


def test_op_valued_parameters() -> None:
    assert (
        output(program(BLOCK + "graph: [{b: {out: 3, act: {leaky_relu: 0.2}}, name: a}]"))
        == "float32[N, 3]"
    )
    assert (
        output(program(BLOCK + "graph: [{b: {out: 3, act: identity}, name: a}]")) == "float32[N, 3]"
    )
    assert code(BLOCK + "graph: [{b: {out: 3, act: reluu}, name: a}]") == "E204"


def test_a_default_with_attributes_may_become_another_op_or_a_record() -> None:
    text = """\
params: {act: {leaky_relu: 0.2}, rates: {dropout: 0.1}}
inputs: {x: [N, 4]}
graph: [=act, {dropout: =rates.dropout}]
"""
    for act in ("gelu", {"elu": 1.0}, {"leaky_relu": {"slope": 0.3}}):
        assert output(program(text, act=act)) == "float32[N, 4]"
    assert output(program(text, rates={"dropout": 0.2, "other": 1})) == "float32[N, 4]"
    for wrong in (3, "reluu", [1]):
        assert code(text, act=wrong) == "E207"
    with pytest.raises(SpecError, match=r"E204.*'=act' gives no op or block: 'reluu'"):
        program(text, act={"reluu": 1})


def test_a_chosen_block_sees_its_files_parameters(tmp_path: Path) -> None:
    parts = "params: {width: 3, body: wide}\ninputs: {x: [N, 4]}\nblocks: {wide: {graph: [{linear: =width}]}}\ngraph: [{=body: {}, name: a}]\n"
    assert output(program(parts)) == "float32[N, 3]"
    (tmp_path / "parts.yaml").write_text(f"archc: 1\nname: parts\n{parts}")
    main = tmp_path / "main.yaml"
    main.write_text(
        "archc: 1\nuse: [parts.yaml]\ninputs: {x: [N, 4]}\ngraph: [{parts: {width: 5}, in: x, name: p}, {parts: {width: 6}, in: x, name: q}, concat: [p, q]]\n"
    )
    assert output(compile(main)) == "float32[N, 11]"


def test_step_valued_parameters_see_where_they_were_written() -> None:
    text = """
params: {width: 6}
inputs: {x: [N, 4]}
blocks:
  twice: {params: {body: steps}, graph: [{=body, name: one}, {=body, name: two}, {add: [prev, x]}]}
graph:
  - {linear: =width, name: a}
  - {twice: {body: [{linear: =width, name: f}, relu]}, name: t}
"""
    p = program(text)
    assert weights(p)[2:] == ["t.one.f.weight", "t.one.f.bias", "t.two.f.weight", "t.two.f.bias"]


def test_parameters_have_the_type_of_their_default() -> None:
    base = "params: {n: 3, r: 0.5, l: [1], s: abc, b: true, q: {k: 1}}\ninputs: {x: [N, 4]}\ngraph: [{linear: =n}]"
    assert output(program(base, n=5)) == "float32[N, 5]"
    program(base, r=1)  # a whole number is a number
    for name, value in {"n": 1.5, "l": 3, "s": 4, "b": 1, "q": [1], "r": "x"}.items():
        assert code(base, **{name: value}) == "E207"
    assert code(base, m=1) == "E219"


def test_defaults_are_formulas_over_earlier_parameters_and_inputs() -> None:
    text = "inputs: {x: [N, 4]}\nblocks: {b: {params: {out: =2 * x.features, half: =out // 2}, graph: [{linear: =out}, {linear: =half}]}}\ngraph: [b]"
    assert output(program(text)) == "float32[N, 4]"


def test_an_integer_attribute_never_takes_a_float() -> None:
    text = "params: {width: 1.0}\ninputs: {x: [N, 4]}\ngraph: [{linear: =64 * width}]"
    assert code(text) == "E207"
    assert output(program(text.replace("=64 * width", "=int(64 * width)"))) == "float32[N, 64]"


def test_defaults_hold_for_the_whole_spec_and_the_step_wins() -> None:
    text = "params: {eps: 1.0e-3}\ninputs: {x: [N, 3, 8, 8]}\ndefaults: {conv2d: {bias: false}, batch_norm: {eps: =eps}}\n"
    p = program(
        text
        + "graph: [{conv2d: {out: 4, kernel: 3}}, batch_norm, {conv2d: {out: 4, kernel: 3, bias: true}}]"
    )
    assert weights(p) == [
        "0.weight",
        "1.weight",
        "1.bias",
        "1.running_mean",
        "1.running_var",
        "2.weight",
        "2.bias",
    ]


def test_blocks_see_optional_inputs_as_given_or_not() -> None:
    text = """
inputs: {x: [N, 4], y: [N, 4]}
blocks:
  b:
    inputs: {x, extra: {optional: true}}
    graph: [{linear: "=8 if given(extra) else 2", in: x, name: f}]
graph:
  - {b, in: {x: x, extra: y}, name: one}
  - {b, in: x, name: two}
  - concat: [one, two]
"""
    assert output(program(text)) == "float32[N, 10]"


def test_a_blocks_inside_is_private_but_its_weights_have_names() -> None:
    assert code(BLOCK + "graph: [{b: 4, name: one}, {add: [one.f, x]}]") == "E210"
    p = program(
        BLOCK
        + "graph: [{b: 4, name: one}, {linear: {out: 4, bias: false}, name: t, tie: {weight: one.f.weight}}]"
    )
    assert p.params == 20


def test_use_brings_blocks_with_their_files_parameters(tmp_path: Path) -> None:
    (tmp_path / "parts.yaml").write_text(
        "archc: 1\nname: parts\nparams: {width: 5}\ninputs: {x: [N, 4]}\nblocks: {wide: {graph: [{linear: =width}]}}\ngraph: [wide, relu]\n"
    )
    main = tmp_path / "main.yaml"
    main.write_text(
        "archc: 1\nuse: [parts.yaml]\ninputs: {x: [N, 4]}\ngraph: [{wide, name: a}, {add: [a, 1]}, {parts: {width: 7}, in: x, name: p}]\n"
    )
    p = compile(main)
    assert output(p) == "float32[N, 7]"
    assert weights(p) == ["a.0.weight", "a.0.bias", "p.0.0.weight", "p.0.0.bias"]


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("../secret.yaml", "E401"),
        ("/etc/passwd", "E401"),
        ("link.yaml", "E401"),
        ("none.yaml", "E402"),
        ("main.yaml", "E403"),
    ],
)
def test_use_stays_inside_its_folder(tmp_path: Path, use: str, expected: str) -> None:
    (tmp_path / "secret.yaml").write_text("archc: 1\nblocks: {}\n")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    main = inside / "main.yaml"
    main.write_text(f"archc: 1\nuse: [{use}]\ninputs: {{x: [N, 4]}}\ngraph: [relu]\n")
    with pytest.raises(SpecError) as caught:
        compile(main)
    assert caught.value.diagnostics[0].code == expected


def test_unused_names_and_ambiguous_symbols_are_warned_of() -> None:
    p = program(
        "params: {latent: 3}\ninputs: {x: [N, latent]}\ngraph: [{square, name: idle}, {relu, in: x}]"
    )
    assert sorted(d.code for d in p.warnings) == ["W901", "W902"]


def test_positions_that_change_with_parameters_are_warned_of() -> None:
    text = "params: {n: 2, norm: true}\ninputs: {x: [N, 4]}\ngraph: [{relu, when: =norm}, {linear: 4}, {linear: 4, name: head}]"
    assert [d.code for d in program(text).warnings] == ["W903"]
    assert program(text.replace("{linear: 4}", "{linear: 4, name: a}", 1)).warnings == ()
    assert program("inputs: {x: [N, 4]}\ngraph: [{relu, repeat: 2}, {linear: 4}]").warnings == ()


def test_what_the_documents_found() -> None:
    x = "inputs: {x: [N, 4]}\n"
    blocks = "blocks: {c: {params: {n: int}, graph: [{linear: =n}]}}\nparams: {act: relu}\n"
    assert output(program(x + blocks + "graph: [=act]", act={"c": 5})) == "float32[N, 5]"
    assert (
        output(program(x + "params: {flag: true}\ngraph: [{linear: =3 if flag == true else 2}]"))
        == "float32[N, 3]"
    )
    assert (
        output(
            program(
                "inputs: {x: [N, =7 * h, 4]}\ngraph: [{rearrange: {pattern: 'n (h p) c -> n h (p c)', p: 7}}]"
            )
        )
        == "float32[N, h, 28]"
    )
    assert code("inputs: {x: [N, =h]}\ngraph: [relu]") == "E215"
    assert code(x + "graph: [{linear: 3}, {linear: 3, name: 0}]") == "E211"
    assert code(x + "graph: [relu, {name: =i, repeat: {i: 2}, do: [{linear: 3}]}]") == "E211"
    assert code(x + "graph: [{name: 1, do: [relu]}, relu]") == "E211"
    assert code(x + "graph: [{linear: 4, name: prev}]") == "E212"
    assert (
        code(x + "graph: [{linear: 4, name: a}, {linear: 4, name: b}]\noutputs: [a, a]") == "E211"
    )
    assert (
        code(
            "inputs: {x: {shape: [N, 4], repeat: 3}}\nblocks: {b: {inputs: {p: {shape: [N, 4], repeat: 2}}, graph: [{concat: [p.*]}]}}\ngraph: [{b: [x]}]"
        )
        == "E307"
    )


def test_ties_and_weights_of_copies() -> None:
    x = "inputs: {x: [N, 4]}\n"
    tied = program(
        x
        + "graph: [{linear: 4, name: a}, {name: h, repeat: 3, do: [{linear: 4, name: f, tie: {weight: a.weight}}]}]"
    )
    assert tied.params == 16 + 4 + 3 * 4
    one = program(
        x
        + "graph: [{linear: 4, name: h, repeat: 3}, {linear: {out: 4, bias: false}, name: t, tie: {weight: h.1.weight}}]"
    )
    assert [e.owner for e in one.weights() if e.name == "t.weight"] == ["h.1.weight"]


def test_scan_may_be_repeated() -> None:
    p = program(
        "inputs: {x: [N, T, 4], h: [N, 4]}\ngraph: [{rnn_cell: 4, in: {x: x, h: h}, scan: [x], name: r}, {name: s, repeat: 2, scan: [x], in: {x: x}, do: [{linear: 4, name: f}]}]"
    )
    assert [w for w in weights(p) if w.startswith("s")] == [
        "s.0.f.weight",
        "s.0.f.bias",
        "s.1.f.weight",
        "s.1.f.bias",
    ]


CACHED = """
params: {step: false}
inputs: {x: [N, T, 4], past: {shape: [N, P, 4], repeat: 3, when: =step}}
blocks:
  layer:
    inputs: {x, past: {optional: true}}
    graph: [{linear: 4, in: x, name: f}, {concat: [past, f], name: all}, {mul: [f, 2]}]
    outputs: {y: prev, state: {value: all, when: =step}}
graph: [{layer, in: {x: prev, past: ="past." + str(i)}, name: h, repeat: {i: 3}}]
outputs: {y: h, state: {value: h.*.state, when: =step}}
"""


def test_inputs_and_outputs_may_depend_on_parameters() -> None:
    plain, step = program(CACHED), program(CACHED, step=True)
    assert list(plain.model.input_types()) == ["x"]
    assert list(plain.model.output_types()) == ["y"]
    assert list(step.model.input_types()) == ["x", "past.0", "past.1", "past.2"]
    outputs = {name: str(type) for name, type in step.model.output_types().items()}
    states = {f"state.{k}": "float32[N, P + T, 4]" for k in range(3)}
    assert outputs == {"y": "float32[N, T, 4]", **states}
    assert weights(plain) == weights(step)
    assert plain.warnings == step.warnings == ()


def test_copies_that_differ_by_absent_inputs_alone_are_counted() -> None:
    (call,) = program(CACHED).model.calls()
    assert call.count == 3


def test_an_input_that_is_not_there_cannot_be_fed() -> None:
    text = (
        "params: {two: false}\nmodels:\n"
        "  m: {inputs: {x: [N], y: {shape: [N], when: =two}}, graph: [{add: [x, y]}]}\n"
        "  top: {inputs: {x: [N]}, graph: [{m: [x, x]}]}"
    )
    assert code(text) == "E307"
    assert output(program(text, two=True)) == "float32[N]"
    assert (
        code("inputs: {x: [N]}\ngraph: [relu]\noutputs: {y: {value: prev, when: false}}") == "E218"
    )


def test_a_weight_that_others_are_tied_to_is_used() -> None:
    graph = "[{weight: {shape: [2]}, name: b}, {linear: 2, in: x, name: f, tie: {bias: b}}]"
    p = program(f"inputs: {{x: [N, 4]}}\ngraph: {graph}")
    assert p.warnings == ()
    assert weights(p) == ["b", "f.weight", "f.bias"]


MIX = """
inputs: {x: [N, 4], y: [N, 3], z: [N, 3]}
blocks:
  two: {inputs: {x, alpha: {optional: true}, beta: {optional: true}}, graph: [{add: [alpha, beta], name: s}, {concat: [x, s]}]}
  through:
    inputs: {x, others: {rest: true}}
    params: {body: op}
    graph: [relu, {=body, in: {others.*}}]
"""


def test_a_block_hands_inputs_on_that_it_does_not_know() -> None:
    both = program(MIX + "graph: [{through: {body: two}, in: {x, alpha: y, beta: z}}]")
    assert output(both) == "float32[N, 7]"
    several = MIX + (
        "graph: [{through: {body: two}, in: {x, alpha: y, beta: z}, name: a}, "
        "{through: {body: two}, in: {x, beta: z, alpha: y}, name: b}, "
        "{through: {body: relu}, in: x, name: c}, concat: [a, b, c]]"
    )
    assert output(program(several)) == "float32[N, 18]"


def test_inputs_that_nothing_takes_are_told_where_they_are_used() -> None:
    assert code(MIX + "graph: [{through: {body: two}, in: {x, gamma: y}}]") == "E307"
    assert code(MIX + "graph: [{two, in: {x, gamma: y}}]") == "E307"
    assert code(MIX + "graph: [{through: {body: two}, in: [x, y]}]") == "E307"


def test_all_outputs_of_a_step_are_given_by_their_names() -> None:
    text = """
inputs: {x: [N, 4], h: [N, 5], c: [N, 5]}
graph:
  - {lstm_cell: 5, in: {x, h, c}, name: first}
  - {lstm_cell: 5, in: {x: x, first.*}, name: second}
"""
    assert output(program(text)) == "float32[N, 5]"
    assert code(text.replace("first.*", "frst.*")) == "E210"


PATTERNS = """
models:
  net:
    inputs: {x: [N, 4]}
    graph: [{linear: 3, name: a}, {batch_norm, name: n}, {linear: 2, name: b, freeze: true}]
  size: {inputs: {x: [N, 4]}, graph: [{penalty: l2, in: WHAT}]}
"""


@pytest.mark.parametrize(
    ("what", "count"), [("net.*", 4), ("net.*.weight", 2), ("net.a.*", 2), ("net.n.*", 2)]
)
def test_a_pattern_names_the_trained_weights_that_fit(what: str, count: int) -> None:
    size = program(PATTERNS.replace("WHAT", what)).models["size"]
    (penalty,) = [n for _, n in size.graph.nodes() if n.slots and n.slots[0] == "inputs.0"]
    assert len(penalty.slots) == count
    assert code(PATTERNS.replace("WHAT", "net.b.*")) == "E313"
