"""The error tree, and what an error says.

ArchcError                    all that archc raises on purpose; carries diagnostics
├── SpecError                 a spec is wrong
├── UsageError                a verb or a function was called wrongly (exit code 2)
├── InputError                a file given beside the spec (data, weights, a model) is wrong
├── MissingPackageError       an extra is not installed; says which
├── UnsupportedError          a backend or a target cannot express a step
├── CheckError                what was built does not do what it should (verification)
├── EvaluationError           a candidate of a search has no numbers
└── InternalError             archc broke its own rules: a defect, not the user's mistake
"""

from __future__ import annotations

from collections import UserList
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Self

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
            "message": clipped(self.message),
            "label": clipped(self.label),
            "notes": [clipped(note) for note in self.notes],
            "help": clipped(self.help),
        }


class Findings(UserList[Diagnostic]):
    """What is found in a spec, up to an end: what a machine wrote can be wrong everywhere.

    One error too many raises SpecError with all of them; warnings too many are left out, since a
    warning stops nothing.
    """

    MOST = 100

    def append(self, item: Diagnostic) -> None:
        alike = sum(other.severity == item.severity for other in self)
        if alike < self.MOST:
            super().append(item)
        elif item.severity == "error":
            what = f"more than {self.MOST} errors: the rest is not looked for"
            errors = [other for other in self if other.severity == "error"]
            raise SpecError([*errors, Diagnostic("E111", what, item.place)])

    def extend(self, other: Iterable[Diagnostic]) -> None:
        for one in other:
            self.append(one)

    def __iadd__(self, other: Iterable[Diagnostic]) -> Self:
        self.extend(other)
        return self


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
    ) -> Self:
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


class EvaluationError(ArchcError):
    """A candidate of a search has no numbers: it cannot be trained, or not be measured."""


class InternalError(ArchcError):
    """A pass or a stage of archc broke what all others rely on."""


def clipped(text: str, most: int = 600) -> str:
    """The text in at most so many letters, its middle left out where it is longer."""
    if len(text) <= most:
        return text
    return f"{text[: most * 2 // 3]} … {text[-most // 3 :]}"


def printable(text: str) -> str:
    """The text with everything that could steer a terminal written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == " " else ascii(c)[1:-1] for c in text)


def word(path: object) -> str:
    """A path as a word of a command line, to be copied from a message."""
    from shlex import quote

    return quote(printable(str(path)))


def columns(text: str) -> int:
    """How many columns a terminal gives the text: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


Paint = Callable[[str, str], str]  # a text in a style: "error", "warning", "gutter", "help", "bold"


def plainly(text: str, style: str) -> str:
    """The text without any style."""
    return text


def render(diagnostic: Diagnostic, paint: Paint = plainly, room: int | None = None) -> str:
    """The diagnostic as people read it, safe for any terminal.

    `paint` gives a part its style; `room` is how many columns a source line may take.
    """
    d = diagnostic
    head = paint(f"{d.severity}[{d.code}]", d.severity)
    lines = [f"{head}: {paint(printable(clipped(d.message)), 'bold')}"]
    margin = ""
    if d.place is not None:
        margin = " " * len(str(d.place.line))
        lines += _excerpt(d, d.place, margin, paint, room)
    lines += [f"{margin} {paint('=', 'gutter')} {printable(clipped(note))}" for note in d.notes]
    if d.help:
        lines.append(f"{paint('help', 'help')}: {printable(clipped(d.help))}")
    return "\n".join(lines)


_WIDTH = 160  # columns of a source line that are shown where nothing says how wide the output is
_LEAST = 40


def _excerpt(d: Diagnostic, place: Place, margin: str, paint: Paint, room: int | None) -> list[str]:
    """The source line with the place marked: a window of it where the line is long."""
    arrow = f"{margin}{paint('-->', 'gutter')} {printable(str(place))}"
    if not place.source.text:  # the place is a file as a whole
        return [arrow]
    wide = _WIDTH if room is None else max(_LEAST, room - len(margin) - 3)
    text = place.text.replace("\t", " ").rstrip()
    column = min(place.column - 1, len(text))
    start = 0
    if len(text) > wide and column + place.length > wide - 1:
        start = max(0, column - wide // 3)
    end = min(len(text), start + wide - (start > 0) - (len(text) > start + wide))
    left = "…" if start else ""
    before = left + printable(text[start:column])
    marked = printable(text[column : min(end, column + max(1, place.length))])
    shown = left + printable(text[start:end]) + ("…" if end < len(text) else "")
    carets = "^" * max(1, columns(marked))
    label = f" {printable(clipped(d.label))}" if d.label else ""
    bar = paint("|", "gutter")
    return [
        arrow,
        f"{margin} {bar}",
        f"{paint(str(place.line), 'gutter')} {bar} {shown}".rstrip(),
        f"{margin} {bar} {' ' * columns(before)}{paint(carets + label, d.severity)}",
        f"{margin} {bar}",
    ]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name most like `word`, if one is near enough to be meant.

    Swapped letters count least.
    """
    from difflib import SequenceMatcher  # only when something went wrong

    word = word[:80]
    names = sorted(known)
    for name in names:  # as another library spells it: RMSprop, BatchNorm, maxpool2d
        if plain(name) == plain(word):
            return name
    if len(names) > _MANY:  # of so many names few are looked at, so that many errors stay cheap
        names = [name for name in names if name[:2] == word[:2]][:_MANY]
    letters = sorted(word)
    matcher = SequenceMatcher(None, "", word)
    best: tuple[float, bool, str] | None = None
    least = 0.6
    for name in names:
        matcher.set_seq1(name)
        if matcher.real_quick_ratio() < least:  # an upper bound, and so is the next
            continue
        most = matcher.quick_ratio()
        if most < least or (best is not None and most == best[0] < 1):
            continue
        score = (matcher.ratio(), sorted(name) == letters, name)
        if score[0] >= least and (best is None or score[:2] > best[:2]):
            best, least = score, score[0]
    return best[2] if best else None


_MANY = 300


def plain(name: str) -> str:
    return name.replace("_", "").lower()


def dimensions(word: str, close: str, known: Iterable[str]) -> list[str]:
    """The close name; of one such as `conv1d` all that differ in that digit, if none is said."""
    if close[-2:] not in ("1d", "2d", "3d") or any(map(str.isdigit, word)):
        return [close]
    return [name for name in known if name[:-2] == close[:-2] and name[-1] == "d"]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A help text naming the nearest known name, or listing a few of the known ones."""
    names = sorted(set(known))
    close = nearest(word, names)
    if close is not None:
        *others, last = [f"'{name}'" for name in dimensions(word, close, names)]
        return f"did you mean {', '.join(others) + ' or ' if others else ''}{last}?"
    if not names:
        return ""
    return "known: " + ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
