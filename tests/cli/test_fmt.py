"""`archc fmt`: one form for every spec; comments and meaning stay."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from cli.yaml_texts import yaml_texts
from hypothesis import HealthCheck, given, settings

from archc.format import format_text, meaning
from archc.format.layout import WIDTH
from archc.spec.reader import read_text

SPECS = sorted((Path(__file__).parents[2] / "specs").rglob("*.yaml"))


def spec(steps: str) -> str:
    return f"archc: 1\ninputs: {{x: [N, 8]}}\ngraph:\n{steps}"


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(yaml_texts())
def test_any_text_keeps_its_meaning_and_comments_and_is_formatted_once(case) -> None:
    text, comments = case
    result = format_text(text)
    assert format_text(result) == result
    assert meaning(read_text(result, "after")) == meaning(read_text(text, "before"))
    assert all(comment in result for comment in comments)
    assert result.endswith("\n") and "\r" not in result and "\t" not in result.replace("\\t", "")


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_zoo_is_in_canonical_form(path: Path) -> None:
    text = path.read_text("utf-8")
    assert format_text(text) == text, "run: archc fmt specs"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "graph: [relu]\narchc: 1\ninputs: {x: [N, 8]}\n",
            "archc: 1\ninputs: {x: [N, 8]}\ngraph: [relu]\n",
            id="top-level keys have one order",
        ),
        pytest.param(
            spec("  - conv2d:\n      out: 8\n      kernel: 3\n    name: c1\n"),
            spec("  - {conv2d: {out: 8, kernel: 3}, name: c1}\n"),
            id="a short step stands on one line",
        ),
        pytest.param(
            spec("  - {linear: 8}\n  - {name: fc, linear: 8}\n"),
            spec("  - linear: 8\n  - {linear: 8, name: fc}\n"),
            id="a step has no needless braces and its op first",
        ),
        pytest.param(
            spec(
                "  - {conv2d: {out: =planes, kernel: 3, stride: =stride, padding: 1}, "
                "name: a_rather_long_name, when: =x}\n"
            ),
            spec(
                "  - conv2d: {out: =planes, kernel: 3, stride: =stride, padding: 1}\n"
                "    name: a_rather_long_name\n"
                "    when: =x\n"
            ),
            id="a long step stands on several lines",
        ),
        pytest.param(
            spec("  - {do: [relu], name: a}\n  - name: b\n    do: [relu]\n"),
            spec("  - {name: a, do: [relu]}\n  - name: b\n    do: [relu]\n"),
            id="steps in steps stay as they were written, `do` last",
        ),
        pytest.param(
            spec("  - {linear: '=n + 1', name: 'a'}\n  - linear: \"=max(1, n)\"\n"),
            spec("  - {linear: =n + 1, name: a}\n  - linear: =max(1, n)\n"),
            id="quotes that are not needed go",
        ),
        pytest.param(
            spec("  - linear: =max(1, n)\n    name: ='a' + \"b\"\n"),
            spec("  - {linear: \"=max(1, n)\", name: ='a' + \"b\"}\n"),
            id="quotes that are needed in braces come",
        ),
        pytest.param(
            spec("  - rearrange: 'n c -> c n'\n  - {einsum: \"a,b->ab\"}\n"),
            spec("  - rearrange: \"n c -> c n\"\n  - einsum: \"a,b->ab\"\n"),
            id="quotes that help the reader stay, doubled",
        ),
        pytest.param(
            "archc: 1\nparams: {kind: 'int', n: int, t: 'true', z: ~, b: True}\n",
            "archc: 1\nparams: {kind: \"int\", n: int, t: \"true\", z: null, b: true}\n",
            id="quotes that mean something stay",
        ),
        pytest.param(
            spec("- relu\n\n\n\n- tanh # why\n    # below\n- gelu       # far\n"),
            spec("  - relu\n\n  - tanh  # why\n  # below\n  - gelu     # far\n"),
            id="comments and single blank lines stay",
        ),
        pytest.param(
            spec("  - {linear: 8,  # eight\n     name: fc}\n"),
            spec("  - linear: 8    # eight\n    name: fc\n"),
            id="a comment inside braces opens them",
        ),
        pytest.param(
            "archc: 1\nparams:\n  t: [[1, 2],\n      [3, 4]]\n  u: [1,\n2]\n",
            "archc: 1\nparams:\n  t: [[1, 2], [3, 4]]\n  u: [1, 2]\n",
            id="a list that fits stands on one line",
        ),
        pytest.param(
            "archc: 1\ndoc: |\n    Two\n    lines.\nname: n\n",
            "archc: 1\nname: n\ndoc: |\n  Two\n  lines.\n",
            id="a text in lines stays so",
        ),
    ],
)  # fmt: skip
def test_the_form(before: str, after: str) -> None:
    assert format_text(before) == after
    assert format_text(after) == after


def test_lines_have_at_most_a_hundred_columns_unless_a_scalar_is_longer() -> None:
    attributes = ", ".join(f"attribute_{k}: {k}" for k in range(9))
    text = spec(f"  - {{op: {{{attributes}}}, name: long}}\n  - op: {'=' + 'n + ' * 40}1\n")
    *most, last = format_text(text).splitlines()
    assert max(map(len, most)) <= WIDTH < len(last)


def test_an_empty_mapping_behind_a_long_key_stays_one() -> None:
    name = "h" * 98
    text = f"archc: 1\nblocks:\n  {name}: {{graph: [relu]}}\ngraph: [{{{name}: {{}}, name: a}}]\n"
    assert f"  - {name}: {{}}\n    name: a\n" in format_text(text)


def test_a_table_that_does_not_fit_keeps_its_rows() -> None:
    rows = ",\n   ".join(str(list(range(k, k + 12))) for k in range(4))
    text = f"archc: 1\nparams:\n  table: [{rows}]\n"
    result = format_text(text)
    assert [line[:6] for line in result.splitlines()[2:]] == ["  tabl", "    [[", *["     ["] * 3]
    assert format_text(text.replace(",\n   ", ", ")).splitlines()[3].endswith("],")


def test_files_are_rewritten_and_told_of(archc, tiny: Path) -> None:
    tidy = tiny.read_text("utf-8")
    messy = Path("messy.yaml")
    messy.write_bytes(b"\xef\xbb\xbf" + tidy.replace("\n", "\r\n").encode())
    code, out, err = archc("fmt", tiny, messy)
    assert (code, err) == (0, "")
    assert out == "formatted messy.yaml\n1 formatted, 1 left as it was\n"
    assert messy.read_bytes() == tidy.encode()
    assert archc("fmt", messy).out == "1 file in canonical form\n"


def test_checking_writes_nothing_and_fails_where_something_would_change(archc, tiny) -> None:
    before = tiny.read_bytes()
    assert archc("fmt", tiny, "--check").code == 0
    tiny.write_bytes(before.replace(b"params: {", b"params:  {"))
    found = archc("fmt", ".", "--check")
    assert (found.code, found.out) == (1, "would change tiny.yaml\n1 would change\n")
    found = archc("fmt", tiny, "--diff")
    assert found.code == 1
    assert "-params:  {width" in found.out and "+params: {width" in found.out
    found = archc("fmt", tiny, "--check", "--json")
    assert found.json == {"changed": ["tiny.yaml"], "files": 1}
    assert tiny.read_bytes() == before.replace(b"params: {", b"params:  {")


def test_what_cannot_be_read_is_reported_and_the_rest_formatted(archc, tiny: Path) -> None:
    broken = Path("broken.yaml")
    broken.write_text("archc: 1\ngraph: [relu\n")
    tiny.write_text(tiny.read_text("utf-8").replace("archc: 1", "archc:  1"))
    code, out, err = archc("fmt", broken, "missing.yaml", tiny)
    assert code == 1
    assert "error[E104]" in err and "error[E101]" in err
    assert out.startswith("formatted tiny.yaml\n")
    assert broken.read_text() == "archc: 1\ngraph: [relu\n"


def test_stdin_goes_to_stdout(archc, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"graph: [relu]\r\narchc: 1\r\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert archc("fmt", "-") == (0, "archc: 1\ngraph: [relu]\n", "")
