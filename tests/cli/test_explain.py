"""`archc explain`: every code has a page whose examples are true, every op one that is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archc import docs
from archc.errors import ArchcError
from archc.explain import codes, examples, page, title, topics
from archc.explain.reference import op_page
from archc.ops.registry import ops
from archc.pipeline import compile_text
from archc.search import reading
from archc.spec.ast import MODIFIERS
from archc.spec.skeleton import SKELETON
from archc.train import check

ROOT = Path(__file__).parents[2]
SOURCES = [path for name in ("archc", "backends") for path in (ROOT / name).rglob("*.py")]
SPEC_CODES = [code for code in codes() if list(examples(page(code) or ""))]


def found_in(text: str) -> set[str]:
    """The codes of all findings about a spec's text, training and search, warnings included."""
    try:
        program = compile_text(text)
        return {one.code for one in [*program.warnings, *check(program), *reading.check(program)]}
    except ArchcError as error:
        return {one.code for one in error.diagnostics}


def test_every_code_in_the_source_has_a_page_and_every_page_a_code() -> None:
    used = {
        code
        for path in SOURCES
        for code in re.findall(r"""["']([EW][0-9]{3})["']""", path.read_text("utf-8"))
    }
    assert used == set(codes())


@pytest.mark.parametrize("code", codes())
def test_a_page_has_the_fixed_form(code: str) -> None:
    text = page(code) or ""
    lines = text.splitlines()
    assert re.fullmatch(rf"# {code}: [A-Z\w].*[^.]", lines[0])
    assert lines[1] == "" and lines[2]
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert max(map(len, lines)) <= 100
    assert [one.wrong for one in examples(text)] in ([], [True, False])


@pytest.mark.parametrize("code", SPEC_CODES)
def test_the_wrong_example_is_wrong_in_just_that_way_and_the_right_one_right(code: str) -> None:
    wrong, right = examples(page(code) or "")
    assert found_in(wrong.text) == {code}
    assert found_in(right.text) == set()


def test_codes_of_specs_have_examples_unless_they_need_more_than_a_text() -> None:
    need_more = {"E101", "E102", "E108", "E111", "E223", "E403", "E404"}
    of_specs = {code for code in codes() if code[0] == "W" or code[1] in "1234"}
    assert of_specs - set(SPEC_CODES) == need_more


@pytest.mark.parametrize("topic", topics())
def test_the_examples_of_a_topic_are_right(topic: str) -> None:
    for one in examples(page(topic) or ""):
        assert found_in(one.text) == set()


def test_every_key_of_the_language_is_explained() -> None:
    assert {*MODIFIERS, "do", *SKELETON["properties"]} <= set(topics())


@pytest.mark.parametrize("name", ops())
def test_an_op_is_explained_with_all_that_it_has(archc, name: str) -> None:
    text = op_page(ops()[name])
    op = ops()[name]
    assert text.startswith(f"# {name}\n\n{(op.__doc__ or '').strip()[:20]}")
    assert all(f"| `{one}` |" in text or f"(`{one}`) |" in text for one in op.attributes)
    assert all(f"`{one.name}`" in text for one in op.inputs)
    assert all(f"- {one.step}" in text for one in op.examples)


def test_the_verb_explains_codes_ops_blocks_and_topics(archc) -> None:
    out = archc("explain", "e301").out
    assert out.startswith("E301: Shapes do not match\n")
    assert "\nwrong:\n    archc: 1\n" in out and "\nright:\n    archc: 1\n" in out
    assert "`[N, out, H', W']`" in archc("explain", "conv2d").out
    assert "mask` (optional)" in archc("explain", "self_attention").out
    assert archc("explain", "formulas").out.startswith("Formulas\n")
    assert "conv1d, conv2d" in archc("explain", "ops").out


def test_without_a_word_it_lists_what_there_is(archc) -> None:
    out = archc("explain").out
    assert all(f"  {code}  {title(code)}\n" in out for code in codes())
    assert all(f"  {topic:<12} {title(topic)}\n" in out for topic in topics())
    found = archc("explain", "--json").json
    assert set(found) == {"topics", "codes", "ops", "blocks"}


def test_machines_read_a_page_and_its_examples(archc) -> None:
    found = archc("explain", "E204", "--json").json
    assert (found["kind"], found["name"]) == ("code", "E204")
    assert "conv2:" in found["examples"]["wrong"]


def test_the_references_are_up_to_date(tmp_path: Path) -> None:
    docs.write(tmp_path)
    made = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    assert made.keys() == {"ops.md", "errors.md", "zoo.md"}
    for name, text in made.items():
        assert (ROOT / "docs" / name).read_text("utf-8") == text, "run: python -m archc.docs"
