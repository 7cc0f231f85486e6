"""A run's curves: what was logged over the epochs, as a picture and as parts of a page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from html import escape
from typing import Any

from archc.files import replacing
from archc_train.run import Run

Points = dict[str, list[tuple[float, float]]]
CLOCK = ("phase", "turn", "epoch", "time")
TRAINING, VALIDATION = "#8da9c4", "#c2410c"
FEW = 30  # points that are shown as such
STEEP = 10  # a loss whose greatest value is so many times its least is drawn over logarithms
PANEL = (4.2, 2.8)  # inches


def points(records: list[dict[str, Any]]) -> Points:
    """Every number of the log over its epochs, phases one after the other."""
    found: Points = {}
    before, last, phase = 0.0, 0.0, 0
    for record in records:
        if record["phase"] != phase:
            before, last, phase = before + last, 0.0, record["phase"]
        last = record["epoch"]
        for name, value in record.items():
            if name not in CLOCK and isinstance(value, int | float):
                found.setdefault(name, []).append((before + last, float(value)))
    return found


def borders(records: list[dict[str, Any]]) -> Iterator[float]:
    """The epochs at which a phase ended and the next began."""
    before, last, phase = 0.0, 0.0, 0
    for record in records:
        if record["phase"] != phase:
            before, last, phase = before + last, 0.0, record["phase"]
            yield before
        last = record["epoch"]


def groups(found: Points) -> dict[str, list[str]]:
    """The numbers that share a panel: those of one name, in training and in validation.

    Losses come first, learning rates last.
    """
    result: dict[str, list[str]] = {}
    for name in found:
        result.setdefault(name.removeprefix("val."), []).append(name)

    def place(item: tuple[str, list[str]]) -> int:
        name = item[0]
        return 2 if name.startswith("rate.") else 0 if name.endswith("loss") else 1

    return dict(sorted(result.items(), key=place))


def titled(name: str) -> str:
    """What a panel is called."""
    update = name.removeprefix("rate.")
    if update == name:
        return name
    return "learning rate" if update == "train" else f"learning rate of {update}"


def draw(run: Run) -> None:
    """Writes `loss.png`, one panel a number, and `report.html`. Needs matplotlib."""
    from archc_train.report import page

    records = run.records()
    found = points(records)
    if not found:
        return
    ends = list(borders(records))
    html = page(run, list(vectors(found, ends)))
    for name, content in (("loss.png", panels(found, ends)), ("report.html", html.encode())):
        with replacing(run.folder / name) as file:
            file.write(content)


def panels(found: Points, ends: list[float]) -> bytes:
    """All panels side by side as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    grouped = groups(found)
    columns = min(3, len(grouped))
    rows = -(-len(grouped) // columns)
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in list(axes.flat)[len(grouped) :]:
        axis.remove()
    for axis, (title, names) in zip(axes.flat, grouped.items(), strict=False):
        plot(axis, title, {name: found[name] for name in names}, ends)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=120, format="png")
    return buffer.getvalue()


def vectors(found: Points, ends: list[float]) -> Iterator[str]:
    """Each panel as an SVG element, to stand in a page: its ink is the text's colour there."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    for title, names in groups(found).items():
        figure = Figure(figsize=PANEL, layout="constrained")
        FigureCanvasSVG(figure)
        plot(figure.subplots(), title, {name: found[name] for name in names}, ends)
        buffer = io.StringIO()
        with rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):  # text stays text
            nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
            figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
        yield element(buffer.getvalue(), titled(title))


def element(document: str, label: str) -> str:
    """An SVG document of matplotlib's as an element of a page, without what is of no use there."""
    width, height = (72 * inches for inches in PANEL)
    body = document.partition("<svg ")[2].partition(">")[2]
    useless = r'<style.*?</style>|font-family: [^;]*; | transform="rotate\(-0 [^"]*"'
    body = re.sub(useless, "", body)
    body = re.sub(r'<g id="[^"]*"', "<g", body)  # the same in every panel, and referred to by none
    body = body.replace("#000000", "currentColor").replace(VALIDATION, "var(--mark)")
    begin = f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">'
    return begin + re.sub(r"\s*\n\s*", "\n", body).strip()


def plot(axis: Any, title: str, curves: Points, ends: list[float]) -> None:
    """One panel: curves over the epochs, and where phases ended."""
    for name, curve in curves.items():
        epochs, values = zip(*curve, strict=True)
        validation = name.startswith("val.")
        axis.plot(
            epochs, values,
            label="validation" if validation else "training",
            color=VALIDATION if validation else TRAINING,
            linewidth=1.6 if validation else 1.2,
            marker="." if len(values) < FEW else "",
        )  # fmt: skip
    for end in ends:
        axis.axvline(end, color="#999999", linewidth=0.8, linestyle=":")
    every = [value for curve in curves.values() for _, value in curve]
    if title.endswith("loss") and min(every) > 0 and max(every) > STEEP * min(every):
        logarithmic(axis)
    axis.set_title(titled(title), fontsize=10, loc="left", fontweight="bold", parse_math=False)
    axis.set_xlabel("epoch", fontsize=8)
    axis.tick_params(which="both", labelsize=8)
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    if len(curves) > 1:
        axis.legend(fontsize=8, frameon=False)


def logarithmic(axis: Any) -> None:
    """Values over their logarithms, with plain numbers beside them."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
