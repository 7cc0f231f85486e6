"""What is known of the zoo without compiling it: kept, current, and never believed when stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from archc import catalog
from archc.catalog import INDEX, Paper, families, first_sentence, grouped, made, paper

KEPT = families(INDEX)


@pytest.mark.parametrize("path", catalog.files(), ids=lambda path: path.stem)
def test_the_index_is_current(path: Path) -> None:
    assert KEPT.get(path.name) == made(path), "run: python -m archc.docs"


def test_the_index_holds_nothing_else() -> None:
    assert list(KEPT) == [path.name for path in catalog.files()]


def test_a_changed_file_is_counted_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KEPT["mlp.yaml"]
    monkeypatch.setattr(catalog, "files", lambda: [catalog.ZOO / "mlp.yaml"])
    assert catalog.rows() == list(kept.rows)
    lying = INDEX.read_text("utf-8").replace(kept.digest, "0" * 32)
    lying = lying.replace(f'"params": {kept.rows[0].params}', '"params": 1')
    index = tmp_path / "zoo.json"
    index.write_text(lying, "utf-8")
    monkeypatch.setattr(catalog, "INDEX", index)
    assert families(index)["mlp.yaml"].rows != kept.rows
    assert catalog.rows() == list(kept.rows)
    monkeypatch.setattr(catalog, "INDEX", tmp_path / "none.json")
    assert catalog.rows() == list(kept.rows)


def test_a_file_depends_on_those_that_it_uses() -> None:
    assert KEPT["taps.yaml"].reads == ("resnet.yaml", "std/prelude.yaml", "taps.yaml")


@pytest.mark.parametrize(
    ("doc", "found"),
    [
        ("A title (He et al., 2016). More.", Paper("A title", "He et al.", 2016)),
        ("A title\n(A and B, 2016); names of X.\nMore.", Paper("A title", "A and B", 2016)),
        ("Words (and more) (B, 1958)", Paper("Words (and more)", "B", 1958)),
        ("A sentence. Another (C, 2000).", Paper("A sentence")),
        ("", Paper("")),
    ],
)
def test_a_paper_is_read_from_the_first_sentence(doc: str, found: Paper) -> None:
    assert paper(doc) == found


def test_sentences_and_lists_are_shortened() -> None:
    assert first_sentence("One\n  sentence. Two.") == "One sentence."
    types = {"x": "a", "past.0": "b", "past.1": "b", "past.2": "c"}
    assert dict(grouped(types)) == {"x": "a", "past.[0..1]": "b", "past.2": "c"}
