"""Charts as SVG, written by hand: they take the page's colours, light or dark."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

WIDTH, HEIGHT = 460.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 12.0, 12.0, 42.0
TICKS = 5
WIDE = 30.0  # greatest over least from which on the scale is logarithmic


@dataclass(frozen=True, slots=True)
class Marks:
    """Points with a class of the page's style, drawn singly, joined, or as steps.

    `titles` say what each point is, `links` where a click on it leads.
    """

    points: Sequence[tuple[float, float]]
    style: str
    form: Literal["dots", "line", "steps"] = "dots"
    titles: Sequence[str] = ()
    links: Sequence[str] = ()


def chart(marks: Sequence[Marks], x: str, y: str) -> str:
    """An SVG element with axes; nothing where there are no points."""
    points = [point for one in marks for point in one.points]
    if not points:
        return ""
    across, up = Axis.around([a for a, _ in points]), Axis.around([b for _, b in points])

    def place(point: tuple[float, float]) -> tuple[float, float]:
        a = LEFT + across.share(point[0]) * (WIDTH - LEFT - RIGHT)
        b = HEIGHT - BOTTOM - up.share(point[1]) * (HEIGHT - TOP - BOTTOM)
        return a, b

    parts = [*axes(across, up, x, y)]
    for one in marks:
        parts += drawn(one, [place(point) for point in one.points])
    label = escape(f"{y} over {x}", quote=True)
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def drawn(marks: Marks, places: Sequence[tuple[float, float]]) -> Iterator[str]:
    if marks.form == "dots":
        for k, (a, b) in enumerate(places):
            title = f"<title>{escape(marks.titles[k])}</title>" if marks.titles else ""
            dot = (
                f'<circle class="{marks.style}" cx="{a:.1f}" cy="{b:.1f}" r="3.5">{title}</circle>'
            )
            yield f'<a href="{escape(marks.links[k])}">{dot}</a>' if marks.links else dot
        return
    path = [f"{'L' if k else 'M'}{a:.1f} {b:.1f}" for k, (a, b) in enumerate(places)]
    if marks.form == "steps":
        path = [path[0], *(f"H{a:.1f}V{b:.1f}" for a, b in places[1:])]
    yield f'<path class="{marks.style}" d="{"".join(path)}"/>'


# ---- axes


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale between round numbers; with `log`, `low` and `high` are logarithms to base 10."""

    ticks: tuple[float, ...]
    low: float
    high: float
    log: bool = False

    @classmethod
    def around(cls, values: Sequence[float]) -> Axis:
        low, high = min(values), max(values)
        if low > 0 and high > low * WIDE:
            return cls.powers(math.log10(low), math.log10(high))
        if low == high:
            low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
        room = (high - low) * 0.04
        low, high = low - room, high + room
        step = round_step((high - low) / TICKS)
        first = math.ceil(low / step)
        count = int((high - first * step) / step) + 1
        return cls(tuple((first + k) * step for k in range(count)), low, high)

    @classmethod
    def powers(cls, low: float, high: float) -> Axis:
        """Ticks at powers of ten, and between them where there are few."""
        room = (high - low) * 0.04
        low, high = low - room, high + room
        between = (1, 2, 5) if high - low < 3 else (1,)
        ticks = [k * 10.0**p for p in range(math.floor(low), math.ceil(high) + 1) for k in between]
        return cls(tuple(t for t in ticks if low <= math.log10(t) <= high), low, high, log=True)

    def share(self, value: float) -> float:
        place = math.log10(value) if self.log else value
        return (place - self.low) / (self.high - self.low)


def round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, at least so much."""
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(power * k for k in (1, 2, 5, 10) if power * k >= least * 0.999)


def axes(across: Axis, up: Axis, x: str, y: str) -> Iterator[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    for value in up.ticks:
        b = bottom - up.share(value) * (bottom - TOP)
        yield f'<path class="grid" d="M{LEFT:g} {b:.1f}H{right:g}"/>'
        yield f'<text x="{LEFT - 6:g}" y="{b + 4:.1f}" text-anchor="end">{said(value)}</text>'
    for value in across.ticks:
        a = LEFT + across.share(value) * (right - LEFT)
        yield f'<path class="grid" d="M{a:.1f} {TOP:g}V{bottom:g}"/>'
        yield f'<text x="{a:.1f}" y="{bottom + 16:g}" text-anchor="middle">{said(value)}</text>'
    middle = (LEFT + right) / 2
    yield f'<text x="{middle:g}" y="{HEIGHT - 8:g}" text-anchor="middle">{escape(x)}</text>'
    turn = (TOP + bottom) / 2
    yield (
        f'<text transform="translate(13 {turn:g}) rotate(-90)" text-anchor="middle">'
        f"{escape(y)}</text>"
    )


def said(value: float) -> str:
    """A tick's number: 0.25, 1500, 20K, 3M."""
    size = abs(value)
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "K")):
        if size >= limit:
            return f"{value / (1e3 if letter == 'K' else limit):.4g}{letter}"
    return f"{0.0 if size < 1e-12 else value:.4g}"
