"""Wrong specs: each file in `specs/` gives exactly the text beside it, and quickly.

`ARCHC_UPDATE=1 pytest tests/wrong` writes the texts anew; read the difference before committing it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from archc.errors import ArchcError, render
from archc.pipeline import compile
from archc.search import reading
from archc.spec.load import Loader
from archc.train import check

SPECS = Path(__file__).parent / "specs"


def findings(path: Path) -> str:
    """Everything that is said about the spec and its variants, as a person reads it."""
    variants: list[str | None] = [None]
    with suppress(ArchcError):
        variants += Loader().load(path).variants
    texts: dict[str, None] = {}
    for variant in variants:
        try:
            program = compile(path, variant=variant)
            found = [*check(program), *reading.check(program)]
            texts.update({render(diagnostic): None for diagnostic in found})
        except ArchcError as error:
            texts.update({render(diagnostic): None for diagnostic in error.diagnostics})
    return "\n\n".join(texts) + "\n"


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_wrong_spec_says_what_is_wrong(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SPECS)
    found = findings(Path(path.name))
    expected = path.with_suffix(".txt")
    if os.environ.get("ARCHC_UPDATE"):
        expected.write_text(found, encoding="utf-8")
    assert found.startswith("error[E")
    assert found == expected.read_text(encoding="utf-8")
