"""The text form: golden files, and text that parses back to the same program."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sections import sections
from zoo_files import zoo

from archc.errors import InputError
from archc.init import Init
from archc.ir.dims import floor_div, largest, symbol
from archc.ir.notation import Reader
from archc.ir.parse import parse
from archc.ir.text import number, quote, size, text, value, word
from archc.passes import flatten, run
from archc.pipeline import compile, compile_text

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.txt")), ids=lambda path: path.stem)
def test_golden_text(path):
    parts = sections(path)
    program = compile_text(parts["spec"], name=f"{path.stem}.yaml")
    options = parts["command"].split()[1:]
    if "--pipeline" in options:
        program = run(program, options[options.index("--pipeline") + 1])
    printed = text(program, places="--places" in options)
    assert printed == parts["expected"]
    again = parse(printed)
    assert text(again, places="--places" in options) == printed
    assert again.digest == program.digest


@pytest.mark.parametrize("spec", zoo())
def test_every_spec_round_trips(spec):
    program = compile(spec)
    for form in (program, flatten(program)):
        printed = text(form, places=True)
        again = parse(printed)
        assert text(again, places=True) == printed
        assert again.digest == program.digest
        assert again.params == form.params
        for name, model in form.models.items():
            assert again.models[name].input_types() == model.input_types()
            assert again.models[name].output_types() == model.output_types()


def test_parts_that_no_spec_in_the_zoo_has():
    """Optional inputs left out, paths that are equal, symbols that are words, all kinds of text."""
    written = """archc-ir 1
program "a b"
task "no\\u001b one"
doc "tab\\t, quote \\", escape \\u001b[31m, é"
settings {depth: [1, 2], drop: 0.1, name: "x", none: null, on: true}
main a

block b(%x: float32[N, null, 4], %y: float32[N, null, 4]; $rate, $other) -> (o: %d!2) {
  %d: float32[N, null, 4] = dropout(%x) {rate: $rate}
  %d!2: float32[N, null, 4] = add(%d, %y, %y)
}

model a(%x: float32[N, null, 4]) -> (o: %c, "o 2" of list: %c) {
  doc "a model"
  source other
  bound {k: [3, {deep: -.inf}]}
  symbols {M: 2*N + (null + 1)//2}
  %a: float32[N, null, 4] = attention(%x, %x, %x)
  %r: float32[N*null, 4] = reshape(%a) {shape: [N*null, 4]}
  %n: float32[null] = full() {shape: [(null)], value: .inf}
  %c: float32[N, null, 4] = call b(%x, %a) {rate: 0.5, other: 1e-30}
}
"""
    printed = text(parse(written))
    assert text(parse(printed)) == printed
    for kept in ("%d!2", '"o 2" of list', "shape: [(null)], value: .inf", "other: 1e-30", '"a b"',
                 "\\u001b[31m, é", "no\\u001b one", "(null + 1)//2"):  # fmt: skip
        assert kept in printed


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3).map(tuple)
    | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
))  # fmt: skip
def test_values_are_exact(given_value):
    def same(a, b):
        if isinstance(a, tuple):
            return len(a) == len(b) and all(map(same, a, b))
        if isinstance(a, dict):
            return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
        return type(a) is type(b) and repr(a) == repr(b)

    printed = f"[{value(given_value)}]"
    assert printed.isprintable()
    assert same(Reader(printed, "t").value()[0], given_value)


SIZES = st.recursive(
    st.sampled_from("NTabM").map(symbol) | st.integers(0, 12),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1]),
        st.tuples(inner, st.integers(1, 9)).map(lambda pair: floor_div(*pair)),
        st.tuples(inner, inner).map(largest),
        st.tuples(inner, inner).map(lambda pair: pair[0] - pair[1]),
    ),
    max_leaves=6,
)


@given(SIZES)
def test_sizes_are_exact(given_size):
    assert Reader(f"[{size(given_size)}]", "t").value() == (given_size,)


@given(st.text())
def test_names_are_quoted_where_they_must_be(name):
    assert Reader(word(name) + " ", "t").word() == name
    assert quote(name).isprintable()


def test_unusual_numbers():
    assert [number(float(n)) for n in ("inf", "-inf", "nan", "-0.0")] == [
        ".inf", "-.inf", ".nan", "-0.0",
    ]  # fmt: skip


def test_initialisers_come_back():
    program = compile_text(
        "archc: 1\nname: a\ninputs: {x: [2, 3]}\ngraph:\n"
        "  - {linear: 3, init: {weight: {kaiming_normal: {mode: fan_out}}, bias: {constant: 0.1}}}"
    )
    weights = [entry.weight for entry in parse(text(program)).weights()]
    assert [weight.init for weight in weights] == [
        Init("kaiming_normal", (0.0, "fan_out")), Init("constant", (0.1,)),
    ]  # fmt: skip


HEAD = "archc-ir 1\nprogram a\nmain a\n"
MODEL = f"{HEAD}model a(%x: bool[2]) -> () {{\n"


@pytest.mark.parametrize(
    ("written", "message", "line"),
    [
        ("", "begins with 'archc-ir 1'", 1),
        ("archc-ir 2", "begins with 'archc-ir 1'", 1),
        (HEAD.replace("main a", "main b"), "no definition 'b'", 4),
        (f"{HEAD}model a() -> (y: %z) {{\n}}", "there is no '%z'", 4),
        (f"{MODEL}  %y: float99[] = relu()\n}}", "element type", 5),
        (f"{MODEL}  %y: bool[] = rleu()\n}}", "no op 'rleu'", 5),
        (f"{MODEL}  %y: bool[2] = identity(%x, %x)\n}}", "another number of values", 5),
        (f"{MODEL}  %y: bool[2] = dropout(%x) {{rate: 2.0}}\n}}", "rate: expected a number", 5),
        (f"{MODEL}  %y: bool[2] = dropout(%x) {{ratio: 2.0}}\n}}", "no attribute 'ratio'", 5),
        (f"{MODEL}  %x: bool[2] = identity(%x)\n}}", "'%x' is there already", 5),
        (f"{MODEL}  %y: bool[2] = call b(%x)\n}}", "no definition 'b'", 5),
        (f"{MODEL}  %y: bool[2] = linear(%x)\n    weight: bool[1] zeroes", "'zeroes'", 6),
        ('archc-ir 1\nprogram "\\q"', "as in JSON", 2),
        ("archc-ir 1\nprogram a\nsettings " + "[" * 100, "expected '{'", 3),
        ("archc-ir 1\nprogram a\nsettings {a: " + "[" * 100, "nested too deeply", 3),
        ("archc-ir 1\nprogram a\nsettings {a: (N + M + K + L + 1)**64}", "terms", 3),
        ("archc-ir 1\nprogram a\nsettings {a: N//0}", "divided by zero", 3),
        (f"archc-ir 1\nprogram a\nsettings {{a: {'9' * 5000}}}", "expected", 3),
    ],
)
def test_what_is_wrong_is_said_at_its_place(written, message, line):
    with pytest.raises(InputError, match=message) as caught:
        parse(written, "wrong.txt")
    (found,) = caught.value.diagnostics
    assert found.code == "E530"
    assert (found.place.source.name, found.place.line) == ("wrong.txt", line)


def test_text_that_makes_no_sense_is_refused():
    with pytest.raises(InputError, match=r"E531.*wrong\.txt: a\.y: it holds"):
        parse(
            "archc-ir 1\nprogram a\nmain a\n"
            "model a(%x: bool[2]) -> (y: %y) {\n  %y: bool[3] = identity(%x)\n}",
            "wrong.txt",
        )
