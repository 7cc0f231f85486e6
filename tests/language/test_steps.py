"""What steps, modifiers and references mean: `docs/language.md`, sentence by sentence."""

from __future__ import annotations

import pytest
from language.templates import codes, output

from archc.errors import SpecError
from archc.ir.program import Program
from archc.pipeline import compile_text


def program(body: str, inputs: str = "{x: [N, 4]}", more: str = "", **set: object) -> Program:
    """A program of one graph with these steps."""
    steps = "\n".join("  " + line for line in body.strip().splitlines())
    return compile_text(
        f"archc: 1\nname: net\ninputs: {inputs}\n{more}\ngraph:\n{steps}\n", set=set
    )


def weights(program: Program) -> list[str]:
    return [entry.name for entry in program.weights() if entry.name.endswith("weight")]


def code(body: str, inputs: str = "{x: [N, 4]}", more: str = "") -> str:
    with pytest.raises(SpecError) as caught:
        program(body, inputs, more)
    return caught.value.diagnostics[0].code


def test_a_step_is_a_name_or_a_mapping() -> None:
    assert (
        output(program("- relu\n- linear: 3\n- {linear: {out: 5, bias: false}, name: last}"))
        == "float32[N, 5]"
    )


def test_without_outputs_the_last_value_is_output() -> None:
    assert list(program("- relu").model.outputs) == ["output"]


def test_a_list_is_always_inputs() -> None:
    assert output(program("- {linear: 4, name: a}\n- add: [a, x]")) == "float32[N, 4]"


def test_in_by_name_and_by_position() -> None:
    one = program(
        "- {where: {}, in: {condition: c, a: x, b: 0.0}}",
        "{x: [N, 4], c: {shape: [N, 4], dtype: bool}}",
    )
    two = program("- {where: [c, x, 0.0]}", "{x: [N, 4], c: {shape: [N, 4], dtype: bool}}")
    assert one.model.output_types() == two.model.output_types()


def test_positions_count_every_step_and_copy_but_not_those_left_out() -> None:
    p = program(
        "- relu\n- {relu, when: =1 > 2}\n- linear: 4\n- {linear: 4, repeat: 2}\n- {linear: 4, name: n, repeat: 3}\n- linear: 2"
    )
    assert weights(p) == [
        "1.weight",
        "2.weight",
        "3.weight",
        "n.0.weight",
        "n.1.weight",
        "n.2.weight",
        "7.weight",
    ]


def test_an_unnamed_do_only_groups() -> None:
    p = program("- relu\n- do: [{linear: 4, name: a}, {linear: 4}]\n- add: [a, prev]\n- linear: 2")
    assert weights(p) == ["a.weight", "2.weight", "4.weight"]


def test_a_named_do_is_a_scope() -> None:
    p = program(
        "- {name: s, do: [{linear: 4}, relu, {linear: 3, name: last}]}\n- linear: 2\n- concat: [s, s.last, prev]"
    )
    assert weights(p) == ["s.0.weight", "s.last.weight", "1.weight"]
    assert output(p) == "float32[N, 8]"


def test_a_do_names_its_inputs() -> None:
    p = program(
        "- {linear: 3, name: a}\n- {in: {left: x, right: a}, do: [{concat: [left, right]}]}"
    )
    assert output(p) == "float32[N, 7]"


def test_when_false_passes_the_first_input_under_the_name() -> None:
    p = program(
        "- {linear: 3, name: a, when: =false_}\n- concat: [a, x]", more="params: {false_: false}"
    )
    assert output(p) == "float32[N, 8]"


def test_a_step_without_inputs_that_is_left_out_is_absent() -> None:
    steps = "- {weight: {shape: [4]}, name: w, when: =1 > 2}\n- add: [x, w]"
    assert output(program(steps)) == "float32[N, 4]"  # a variadic op drops it
    assert code("- {weight: {shape: [4]}, name: w, when: =1 > 2}\n- sub: [x, w]") == "E218"


def test_repeat_chains_copies() -> None:
    p = program("- {linear: 4, name: fc, repeat: 3}\n- concat: [fc.0, fc.2, fc]")
    assert weights(p) == ["fc.0.weight", "fc.1.weight", "fc.2.weight"]
    assert output(p) == "float32[N, 12]"


def test_a_starred_reference_takes_a_place_for_each_part() -> None:
    states = "{x: [N, T, 4], s: {shape: [1, N, 3], repeat: %d}}"
    lstm = program("- {lstm: 3, in: [x, s.*]}", states % 2)
    named = program("- {lstm: 3, in: {x: x, h: s.0, c: s.1}}", states % 2)
    assert lstm.digest == named.digest
    assert output(program("- {gru: 3, in: [x, s.*]}", states % 1)) == "float32[N, T, 3]"
    assert code("- {gru: 3, in: [x, s.*]}", states % 2) == "E307"  # one too many
    assert code("- {lstm: 3, in: [x, s.*]}", states % 1) == "E307"  # the second state is missing
    assert code("- {lstm: 3, in: {x: x, h: s.*}}", states % 2) == "E307"  # one place, two values


@pytest.mark.parametrize("written", ["[r.h, r.c]", "\"=['r.' + s for s in states]\""])
def test_an_output_may_be_a_list_of_references(written: str) -> None:
    p = program(
        "- {lstm: 3, name: r}",
        "{x: [N, T, 4]}",
        f"params: {{states: [h, c]}}\noutputs: {{y: r, state: {written}}}",
    )
    assert list(p.model.outputs) == ["y", "state.0", "state.1"]
    assert [str(type) for type in p.model.output_types().values()] == [
        "float32[N, T, 3]",
        "float32[1, N, 3]",
        "float32[1, N, 3]",
    ]


@pytest.mark.parametrize(
    ("written", "expected"), [("[r.h, r.z]", "E210"), ('"=[1, 2]"', "E202"), ("[r.h, 3]", "E202")]
)
def test_a_list_of_outputs_holds_references(written: str, expected: str) -> None:
    graph = "- {lstm: 3, name: r}"
    assert code(graph, "{x: [N, T, 4]}", f"outputs: {{y: r, state: {written}}}") == expected


def test_a_model_that_calls_a_wrong_one_is_not_wrong_for_it() -> None:
    text = (
        "archc: 1\nmodels:\n"
        "  a: {inputs: {x: [N, 4]}, graph: [{conv2d: 3}]}\n"
        "  b: {inputs: {x: [N, 4]}, graph: [{a, name: y}], outputs: {z: y}}\n"
    )
    assert codes(text) == ["E207"]


def test_repeat_side_by_side_and_starred() -> None:
    p = program("- {linear: =w + i, name: fc, repeat: {i: 3, w: [5, 6, 7]}}\n- concat: [fc.*]")
    assert output(p) == "float32[N, 21]"  # 5 + 7 + 9


def test_names_may_use_the_loop_variable() -> None:
    p = program('- {linear: 4, name: ="fc" + str(i + 1), repeat: {i: 2}}\n- add: [fc1, fc2]')
    assert weights(p) == ["fc1.weight", "fc2.weight"]


def test_zero_copies_pass_the_input_through() -> None:
    assert output(program("- {linear: 9, name: a, repeat: 0}\n- concat: [a, x]")) == "float32[N, 8]"


def test_other_inputs_of_a_repeat_are_read_anew() -> None:
    p = program(
        '- {linear: 4, name: k, repeat: 2}\n- {concat: [prev, ="k." + str(i)], repeat: {i: 2}}'
    )
    assert output(p) == "float32[N, 12]"


def test_outputs_named_like_inputs_replace_those_in_a_repeat() -> None:
    blocks = "blocks: {b: {inputs: [x, s], graph: [{linear: 4, in: x, name: f}, {linear: 4, in: s, name: g}], outputs: {x: f, s: g}}}"
    p = program(
        "- {linear: 4, name: first}\n- {b, in: {x: first, s: x}, name: h, repeat: 3}\n- add: [h.x, h.s]",
        more=blocks,
    )
    assert len(weights(p)) == 7
    calls = list(p.model.calls())
    assert [(call.count, call.feedback) for call in calls] == [(3, ((0, 0), (1, 1)))]


def test_equal_copies_are_one_counted_node_and_can_still_be_taken_apart() -> None:
    blocks = "blocks: {b: {graph: [{linear: =x.features, name: f}, relu]}}"
    counted = program("- {b, name: h, repeat: 5}", more=blocks)
    assert [call.count for call in counted.model.calls()] == [5]
    tapped = program("- {b, name: h, repeat: 5}\n- concat: [h.1, h]", more=blocks)
    assert [call.count for call in tapped.model.calls()] == [1] * 5
    assert weights(counted) == weights(tapped) == [f"h.{i}.f.weight" for i in range(5)]


def test_a_counted_do_captures_what_it_sees() -> None:
    p = program(
        "- {linear: 4, name: a}\n- {name: h, repeat: 4, do: [{linear: 4, name: f}, {add: [prev, a]}]}"
    )
    assert [call.count for call in p.model.calls()] == [4]
    assert weights(p) == ["a.weight", *(f"h.{i}.f.weight" for i in range(4))]


def test_the_first_copy_may_differ() -> None:
    blocks = "blocks: {b: {graph: [{linear: 7, name: f}]}}"
    p = program("- {b, name: h, repeat: 5}", more=blocks)
    assert [(call.count, call.copies.path()) for call in p.model.calls()] == [
        (1, "h.0"),
        (4, "h.1"),
    ]


def test_tie_shares_a_weight() -> None:
    p = program(
        "- {embedding: {num: 9, dim: 4}, name: wte}\n- {linear: {out: 9, bias: false}, name: head, tie: {weight: wte.weight}}",
        "{t: {shape: [N, T], dtype: int64}}",
    )
    assert p.params == 36
    assert [(entry.name, entry.owner) for entry in p.weights()] == [
        ("wte.weight", None),
        ("head.weight", "wte.weight"),
    ]


def test_a_weight_is_a_value() -> None:
    p = program("- {linear: {out: 4, bias: false}, name: fc}\n- matmul: [prev, fc.weight]")
    assert output(p) == "float32[N, 4]"
    assert p.params == 16


def test_weights_are_fed_by_name() -> None:
    p = program(
        "- {weight: {shape: [3, 4]}, name: w}\n- {mul: [w, 0.5], name: half}\n- {linear: {bias: false}, in: {x: x, weight: half}}"
    )
    assert output(p) == "float32[N, 3]"
    assert weights(p) == [] and [entry.name for entry in p.weights()] == ["w"]
    assert p.params == 12


def test_init_and_freeze() -> None:
    p = program(
        "- {linear: 3, name: a, init: {weight: {normal: 0.02}, bias: ones}}\n- {linear: 3, name: b, freeze: true}"
    )
    entries = {entry.name: entry.weight for entry in p.weights()}
    assert (
        str(entries["a.weight"].init) == "normal(0.02)"
        or entries["a.weight"].init.number("std") == 0.02
    )
    assert entries["a.bias"].init.kind == "ones"
    assert entries["a.weight"].trained and not entries["b.weight"].trained
    assert p.params == 15


def test_freeze_reaches_into_blocks() -> None:
    blocks = "blocks: {b: {graph: [{linear: 4, name: f}]}}"
    p = program("- {b, name: h, freeze: true}\n- {b, name: g}", more=blocks)
    assert {e.name: e.weight.trained for e in p.weights()} == {
        "h.f.weight": False,
        "h.f.bias": False,
        "g.f.weight": True,
        "g.f.bias": True,
    }


def test_the_innermost_freeze_decides() -> None:
    blocks = "blocks: {b: {graph: [{linear: 4, name: f}]}}"
    p = program(
        "- name: body\n"
        "  freeze: true\n"
        "  do:\n"
        "    - {linear: 4, name: fixed}\n"
        "    - {b, name: block, freeze: false}\n"
        "    - {name: inner, freeze: false, do: [{linear: 4, name: tuned}]}\n"
        "    - {name: copies, freeze: false, repeat: 2, do: [{linear: 4, name: f}]}\n"
        "    - {linear: 4, name: op, freeze: false}",
        more=blocks,
    )
    trained = {e.name: e.weight.trained for e in p.weights() if e.name.endswith("weight")}
    assert trained == {
        "body.fixed.weight": False,
        "body.block.f.weight": True,
        "body.inner.tuned.weight": True,
        "body.copies.0.f.weight": True,
        "body.copies.1.f.weight": True,
        "body.op.weight": True,
    }


def test_scan_runs_a_step_along_axis_1_with_one_set_of_weights() -> None:
    p = program(
        "- {zeros_like, in: h0, name: c}\n- {lstm_cell: 5, in: {x: s, h: h0, c}, scan: [x], name: cell}\n- {linear: 2, in: cell.h}",
        "{s: [N, T, 4], h0: [N, 5]}",
    )
    assert [e.name for e in p.weights()][:2] == ["cell.weight_ih", "cell.weight_hh"]
    assert output(p) == "float32[N, 2]"  # h is carried: its last value


def test_scan_stacks_what_is_not_carried() -> None:
    p = program("- {scan: [x], name: s, in: {x}, do: [{linear: 3, name: f}]}", "{x: [N, T, 4]}")
    assert output(p) == "float32[N, T, 3]"
    assert [e.name for e in p.weights()] == ["s.f.weight", "s.f.bias"]


def test_a_number_is_a_constant() -> None:
    assert output(program("- add: [x, 1]")) == "float32[N, 4]"
    assert output(program("- add: [t, 1]", "{t: {shape: [N], dtype: int64}}")) == "int64[N]"
    assert code("- add: [t, 1.5]", "{t: {shape: [N], dtype: int64}}") == "E303"


def test_a_number_given_to_a_block_has_the_type_that_its_input_declares() -> None:
    blocks = "blocks: {pick: {inputs: {x, i: {shape: [], dtype: int64}}, graph: [{gather: {axis: 1}, in: [x, i]}]}}"
    assert output(program("- {pick, in: {x: x, i: 2}}", more=blocks)) == "float32[N]"
    assert code("- {pick, in: {x: x, i: 2.5}}", more=blocks) == "E304"
    plain = "blocks: {plus: {inputs: [x, y], graph: [{add: [x, y]}]}}"
    assert output(program("- {plus, in: {x: x, y: 2}}", more=plain)) == "float32[N, 4]"
    doubled = (
        "blocks: {plus: {inputs: {x, y: {shape: [], dtype: float64}}, graph: [{add: [x, y]}]}}"
    )
    wide = "{x: {shape: [N], dtype: float64}}"
    assert output(program("- {plus, in: {x: x, y: 2}}", wide, doubled)) == "float64[N]"


def test_multiple_outputs_are_named() -> None:
    p = program(
        "- {unstack: {into: [a, b], axis: 1}, name: s}\n- {linear: 4, in: x, name: c}\n- sub: [s.a, s.b]",
        "{x: [N, 2, 4]}",
    )
    assert output(p) == "float32[N, 4]"


def test_a_name_is_used_after_its_step() -> None:
    assert code("- add: [x, later]\n- {relu, name: later}") == "E221"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("- rellu", "E204"),
        ("- {linear: 3, name: a}\n- {linear: 3, name: a}", "E211"),
        ("- {linear: 3, nam: a}", "E205"),
        ("- linear: {outt: 3}", "E206"),
        ("- linear: 3.0", "E207"),
        ("- linear: =3.0 * 1", "E207"),
        ("- linear", "E208"),
        ("- add: [x, y]", "E210"),
        ("- {relu, name: a.b}", "E212"),
        ("- linear: =2 +", "E213"),
        ("- linear: =2 // 0", "E214"),
        ("- linear: =q", "E215"),
        ("- linear: =9**9**9", "E216"),
        ('- {linear: 3, when: "=x.shape[0] > 4"}', "E217"),
        ("- {linear: 3, repeat: -1}", "E222"),
        ("- {linear: 3, repeat: 1000000000}", "E222"),
        ("- {linear: 3, repeat: {i: 2, j: [1, 2, 3]}}", "E226"),
        ("- relu: [x, x]", "E307"),
        ("- {add: [x, x], in: x}", "E307"),
        ("- {linear: 3, tie: {weight: nope.weight}}", "E313"),
        ("- {linear: 3, init: {wieght: zeros}}", "E313"),
        ("- {linear: 3, init: {weight: zero}}", "E207"),
        ("- linear: 1000000000000", "E311"),
    ],
)
def test_what_is_wrong_has_a_code(steps: str, expected: str) -> None:
    assert code(steps) == expected
