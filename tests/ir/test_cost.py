"""Counts of multiply-accumulates, parameters and activation memory, and their table."""

from __future__ import annotations

import pytest
from zoo_files import zoo

from archc.cost import macs, peak, table
from archc.errors import UsageError
from archc.passes import flatten
from archc.pipeline import compile, compile_text


def net(graph, inputs="{x: [N, 4]}", before=""):
    return compile_text(f"archc: 1\nname: net\ninputs: {inputs}\n{before}\ngraph:\n{graph}\n")


@pytest.mark.parametrize("spec", zoo())
def test_the_rows_add_up(spec):
    program = compile(spec)
    for name, model in program.models.items():
        root = table(program, name)
        assert root.macs == macs(model) == sum(row.macs for row in root.steps())
        assert root.params == program.count_params(name) == sum(r.params for r in root.steps())
        for _, row in root.walk():
            if row.rows:
                assert row.macs == sum(inner.macs for inner in row.rows)
                assert row.params == sum(inner.params for inner in row.rows)


@pytest.mark.parametrize("spec", zoo())
def test_flattening_changes_no_count(spec):
    program = compile(spec)
    flat = flatten(program)
    assert macs(flat.model) == macs(program.model)
    assert flat.count_params() == program.count_params(program.main)
    assert table(flat).macs == table(program).macs


def test_a_repeat_counts_each_copy_and_a_scan_each_position():
    blocks = """blocks:
  b: {graph: [{linear: 4}]}
  s: {inputs: [x, h], graph: [{linear: 4}, {add: [prev, h], name: h2}], outputs: {h: h2}}"""
    assert macs(net("  - {b, repeat: 5}", before=blocks).model) == 5 * 16
    scan = net("  - {s, in: {x, h}, scan: [x], name: r}", "{x: [N, T, 3], h: [N, 4]}", blocks)
    assert macs(scan.model, {"T": 7, "N": 2}) == 7 * 2 * 12
    assert scan.params == 12 + 4


def test_symbols_are_one_unless_they_are_given_a_size():
    program = net("  - {linear: 8}", "{x: [N, T, 4]}")
    assert [macs(program.model, at) for at in ({}, {"N": 3}, {"N": 3, "T": 5})] == [32, 96, 480]
    assert program.macs == 32
    assert str(table(program, at={"T": 5}).types[0]) == "float32[1, 5, 8]"


def test_what_has_no_room_costs_nothing():
    program = net("  - {conv1d: {out: 2, kernel: 3}}", "{x: [N, 1, T]}")
    assert macs(program.model) == 0
    assert str(table(program).types[0]) == "float32[1, 2, 0]"
    assert macs(program.model, {"T": 3}) == 6


def test_an_unknown_dimension_is_named():
    with pytest.raises(UsageError, match=r"E704.*no input has a dimension 'Q'"):
        macs(net("  - relu").model, {"Q": 2})
    with pytest.raises(UsageError, match=r"E704.*did you mean 'N'|E704.*'n'"):
        table(net("  - relu"), at={"n": 2})


def test_a_weight_counts_once():
    tied = net(
        "  - {linear: {out: 4, bias: false}, name: a}\n"
        "  - {linear: {out: 4, bias: false}, tie: {weight: a.weight}}"
    )
    assert tied.params == table(tied).params == 16
    assert table(tied).macs == 32
    frozen = net("  - {linear: 4, freeze: true}\n  - {batch_norm, name: bn}")
    assert frozen.params == table(frozen).params == 8

    twice = compile_text("""
archc: 1
name: n
models:
  part: {inputs: {x: [N, 4]}, graph: [{linear: 4}]}
  net: {inputs: {x: [N, 4]}, graph: [{part: [x], name: a}, {part: [a], name: b}]}
""")
    root = table(twice)
    assert [(row.path, row.params, row.macs) for row in root.rows] == [("a", 20, 16), ("b", 0, 16)]


def test_weights_of_a_model_that_is_only_read_have_a_row():
    program = compile_text("""
archc: 1
name: n
models:
  embed:
    inputs: {t: {shape: [N], dtype: int64}}
    graph: [{embedding: {num: 5, dim: 4}, name: table}]
  net:
    inputs: {x: [N, 4]}
    graph: [{linear: {out: 5, bias: false}, tie: {weight: embed.table.weight}}]
""")
    rows = [(row.path, row.what, row.params) for row in table(program, "net").rows]
    assert rows == [("0", "linear", 0), ("embed", "embed", 20)]


def test_blocks_scopes_and_copies_have_rows_of_their_own():
    program = net(
        """
  - name: body
    do:
      - {linear: 4, name: fc}
      - {unit, name: u, repeat: 2}
  - {name: alone, do: [relu]}""",
        before="blocks: {unit: {graph: [{linear: 4, name: fc}, relu]}}",
    )
    rows = table(program).walk()
    shown = [(depth, row.path, row.what, row.params, row.count) for depth, row in rows]
    assert shown == [
        (0, "", "net", 60, 1),
        (1, "body", "", 60, 1),
        (2, "body.fc", "linear", 20, 1),
        (2, "body.u.[0..1]", "unit", 40, 2),
        (3, "body.u.[0..1].fc", "linear", 40, 1),
        (3, "body.u.[0..1].1", "relu", 0, 1),
        (1, "alone.0", "relu", 0, 1),
    ]


def test_peak_memory_is_what_is_held_at_one_time():
    # x (4) and y (8) together; y and z (2); the input stays to the end.
    chain = net("  - {linear: 8}\n  - {linear: 2}\n  - relu")
    assert peak(chain.model) == 4 * (4 + 8 + 2)
    # a is held for the sum while b is made and used.
    fork = net("  - {linear: 4, name: a}\n  - {linear: 100, name: b}\n  - {linear: 4, name: c}\n"
               "  - add: [a, c]")  # fmt: skip
    assert peak(fork.model) == 4 * (4 + 4 + 100 + 4)
    assert peak(fork.model, {"N": 10}) == 10 * peak(fork.model)


def test_peak_memory_looks_into_blocks():
    plain = net("  - {linear: 9}\n  - {linear: 4}\n  - {linear: 9}\n  - {linear: 4}")
    block = "blocks: {b: {graph: [{linear: 9}, {linear: 4}]}}"
    called = net("  - {b, name: p}\n  - {b, name: q}", before=block)
    counted = net("  - {b, repeat: 2}", before=block)
    assert peak(plain.model) == 4 * (4 + 9 + 4)
    # While a block is run its input is held by its caller.
    assert peak(called.model) == 4 * (4 + 4 + 9 + 4)
    assert peak(plain.model) <= peak(counted.model) <= peak(called.model) + 16
