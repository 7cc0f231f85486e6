"""The error tree, and what an error says.

    ArchcError                    all that archc raises on purpose; carries diagnostics
    ├── SpecError                 a spec is wrong
    ├── UsageError                a verb or a function was called wrongly (exit code 2)
    ├── InputError                a file given beside the spec (data, weights, a model) is wrong
    ├── MissingPackageError       an extra is not installed; says which
    ├── UnsupportedError          a backend or a target cannot express a step
    └── CheckError                what was built does not do what it should (verification)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from archc.place import Place

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: what is wrong, where, why, and the nearest fix.

    `label` stands under the marked source text; `notes` name the origin of what is involved.
    """

    code: str
    message: str
    place: Place | None = None
    label: str = ""
    notes: tuple[str, ...] = ()
    help: str = ""
    severity: Severity = "error"

    def as_json(self) -> dict[str, object]:
        """The form that `--json` prints."""
        place = self.place
        return {
            "code": self.code,
            "severity": self.severity,
            "file": place.source.name if place else None,
            "line": place.line if place else None,
            "column": place.column if place else None,
            "message": self.message,
            "label": self.label,
            "notes": list(self.notes),
            "help": self.help,
        }


class ArchcError(Exception):
    """The root of the tree; `diagnostics` holds everything that was found."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__("\n\n".join(render(d) for d in self.diagnostics))

    @classmethod
    def of(
        cls,
        code: str,
        message: str,
        place: Place | None = None,
        *,
        label: str = "",
        notes: Sequence[str] = (),
        help: str = "",
    ) -> ArchcError:
        """An error of this class with a single diagnostic."""
        return cls([Diagnostic(code, message, place, label, tuple(notes), help)])


class SpecError(ArchcError):
    """A spec is wrong."""


class UsageError(ArchcError):
    """A verb or a function was called wrongly."""


class InputError(ArchcError):
    """A file given beside the spec is wrong: data, weights, an ONNX model."""


class MissingPackageError(ArchcError):
    """A package of an extra is not installed."""


class UnsupportedError(ArchcError):
    """A backend or a target cannot express a step."""


class CheckError(ArchcError):
    """What was built does not do what it should."""


def printable(text: str) -> str:
    """The text with everything that could steer a terminal written as an escape."""
    return "".join(c if c.isprintable() or c == " " else ascii(c)[1:-1] for c in text)


def render(diagnostic: Diagnostic) -> str:
    """The diagnostic as people read it, without colour, safe for any terminal."""
    d = diagnostic
    lines = [f"{d.severity}[{d.code}]: {printable(d.message)}"]
    margin = ""
    if d.place is not None:
        lines += _excerpt(d.place, d.label)
        margin = " " * len(str(d.place.line))
    lines += [f"{margin} = {printable(note)}" for note in d.notes]
    if d.help:
        lines.append(f"help: {printable(d.help)}")
    return "\n".join(lines)


_WIDTH = 160  # longest part of a source line that is shown


def _excerpt(place: Place, label: str) -> list[str]:
    margin = " " * len(str(place.line))
    text = place.text.replace("\t", " ")
    start = max(0, min(place.column - 1, len(text)) - _WIDTH // 2)
    shown = text[start : start + _WIDTH]
    before = printable(shown[: place.column - 1 - start])
    marked = shown[place.column - 1 - start : place.column - 1 - start + max(1, place.length)]
    carets = "^" * max(1, len(printable(marked)))
    return [
        f"{margin}--> {printable(str(place))}",
        f"{margin} |",
        f"{place.line} | {printable(shown)}",
        f"{margin} | {' ' * len(before)}{carets}" + (f" {printable(label)}" if label else ""),
        f"{margin} |",
    ]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name most like `word`, if one is near enough to be meant."""
    from difflib import get_close_matches  # only when something went wrong

    close = get_close_matches(word[:80], list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A help text naming the nearest known name, or listing a few of the known ones."""
    names = sorted(set(known))
    close = nearest(word, names)
    if close is not None:
        return f"did you mean '{close}'?"
    if not names:
        return ""
    return "known: " + ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
