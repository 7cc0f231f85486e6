"""`archc check`: all that is wrong with specs, and a line on each that is well."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_a_spec_that_is_well_gets_one_line(archc, tiny: Path) -> None:
    code, out, err = archc("check", tiny)
    assert (code, err) == (0, "")
    assert out == "✓ tiny.yaml: ok, 2 variants, 46 to 450 parameters\n"


def test_one_variant_is_checked_where_one_is_named(archc, tiny: Path) -> None:
    expected = "✓ tiny.yaml:small: ok, 46 parameters\n"
    assert archc("check", f"{tiny}:small").out == expected
    assert archc("check", tiny, "--variant", "small").out == expected.replace(":small", "")


def test_everything_wrong_is_said_once_with_the_variants_that_it_is_about(archc, wrong) -> None:
    code, out, err = archc("check", wrong)
    assert code == 1
    assert out == "✗ wrong.yaml: 2 errors\n"
    assert err.count("error[E206]") == 1
    assert err.count("error[E306]") == 1
    assert "help: did you mean 'kernel'?" in err
    about = err[err.index("error[E306]") :]
    assert " = with the variant 'odd'" in about.partition("\n\n")[0]


def test_findings_are_read_by_machines_from_stdout(archc, wrong) -> None:
    found = archc("check", wrong, "--json")
    assert (found.code, found.err) == (1, "")
    first = found.json[0]
    assert first["code"] == "E206"
    assert (first["file"], first["line"], first["column"]) == ("wrong.yaml", 6, 22)
    assert first["message"] == "conv1d: no attribute 'kernal'"
    assert first["help"] == "did you mean 'kernel'?"
    assert {one["severity"] for one in found.json} == {"error"}


def test_nothing_wrong_is_an_empty_list_for_machines(archc, tiny: Path) -> None:
    found = archc("check", tiny, "--json")
    assert (found.code, found.json, found.err) == (0, [], "")


def test_warnings_fail_only_when_asked(archc, tmp_path: Path) -> None:
    spec = tmp_path / "lost.yaml"
    spec.write_text(
        "archc: 1\ninputs: {x: [N, 4]}\n"
        "graph: [{relu, name: lost}, {linear: 2, in: x, name: head}]\n"
    )
    code, out, err = archc("check", spec)
    assert code == 0
    assert "ok, 1 warning" in out
    assert "warning[W901]: nothing uses 'lost'" in err
    assert archc("check", spec, "--strict").code == 1
    assert archc("check", spec, "-q") == (0, "", "")


def test_several_specs_are_checked_in_one_run(archc, tiny: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("archc: 1\ngraph: [relu\n")
    code, out, err = archc("check", broken, tiny, "not_there.yaml", "lenet5")
    assert code == 1
    assert [line[0] for line in out.splitlines()] == ["✗", "✓", "✗", "✓"]
    assert "error[E104]" in err and "error[E101]" in err


def test_a_spec_that_needs_its_variants_is_checked_with_them(archc, tmp_path: Path) -> None:
    spec = tmp_path / "needs.yaml"
    text = "archc: 1\nparams: {width: int}\ninputs: {x: [N, 4]}\ngraph: [{linear: =width}]\n"
    spec.write_text(text)
    assert "error[E208]" in archc("check", spec).err
    assert archc("check", spec, "--set", "width=3").code == 0
    spec.write_text(text + "variants: {a: {width: 2}, b: {width: 3}}\n")
    assert archc("check", spec).out.endswith("ok, 2 variants, 10 to 15 parameters\n")


def test_a_file_of_blocks_is_a_spec_too(archc, tmp_path: Path) -> None:
    spec = tmp_path / "blocks.yaml"
    spec.write_text("archc: 1\nblocks: {one: {graph: [relu]}, two: {graph: [tanh]}}\n")
    code, out, _ = archc("check", spec)
    assert (code, out.partition(": ")[2]) == (0, "ok, 2 blocks\n")


@pytest.mark.parametrize("start", ["\ufeff", ""], ids=["bom", "plain"])
@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"], ids=["crlf", "cr", "lf"])
def test_marks_and_line_ends_of_every_system_are_read(archc, tmp_path, start, end) -> None:
    spec = tmp_path / "sy stem é.yaml"
    text = "archc: 1\ninputs: {x: [N, 4]}\ngraph:\n  - linear: 2\n  - relux\n"
    spec.write_bytes((start + text.replace("\n", end)).encode())
    code, _, err = archc("check", spec)
    assert code == 1
    assert "sy stem é.yaml:5:5" in err
    assert "\n5 |   - relux\n  |     ^^^^^\n" in err


def test_nothing_in_a_spec_can_steer_the_terminal(archc, tmp_path: Path) -> None:
    spec = tmp_path / "evil\x1b[2J.yaml"
    spec.write_text(
        'archc: 1\nname: "a\\e[31mb"\ndoc: "\\e]0;title\\a"\n'
        'inputs: {x: [N, 4]}\ngraph:\n  - {"li\\e[31mnear": 4, name: "x\\u202ey"}\n',
        encoding="utf-8",
    )
    for argv in (
        ["check", spec],
        ["show", spec],
        ["fmt", spec, "--diff"],
        ["check", spec, "--json"],
    ):
        code, out, err = archc(*argv)
        assert code == 1
        for text in (out, err):
            assert all(c.isprintable() or c == "\n" for c in text), text


def test_a_training_is_checked_with_its_spec(archc, tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    text = (
        "archc: 1\ninputs: {image: [N, 1, 8, 8]}\ngraph: [flatten, {linear: 10, name: head}]\n"
        "outputs: {logits: prev}\ntrain:\n  data: digits\n"
        "  loss: {cross_entropy: [logits, label]}\n  optimizer: adam\n"
    )
    spec.write_text(text)
    assert archc("check", spec).code == 0
    wrong = text.replace("label]", "labels]").replace("adam", "adan").replace("data:", "dta:")
    spec.write_text(wrong)
    found = archc("check", spec, "--json")
    assert found.code == 1
    assert [(one["code"], one["line"]) for one in found.json] == [("E201", 6), ("E204", 8)]
    spec.write_text(wrong.replace("dta:", "data:"))
    assert [one["code"] for one in archc("check", spec, "--json").json] == ["E210", "E204"]
