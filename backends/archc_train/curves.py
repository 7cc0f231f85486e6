"""A run's curves: what was logged over the epochs, as a picture and as parts of a page."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from archc.files import replacing
from archc_train.run import Run

Points = dict[str, list[tuple[float, float]]]
CLOCK = ("phase", "turn", "epoch", "time")
TRAINING, VALIDATION = "#8da9c4", "#c2410c"
FEW = 30  # points that are shown as such


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
    picture = panels(found, list(borders(records)))
    for name, content in (("loss.png", picture), ("report.html", page(run, picture).encode())):
        with replacing(run.folder / name) as file:
            file.write(content)


def panels(found: Points, ends: list[float]) -> bytes:
    """The panels as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    grouped = groups(found)
    columns = min(3, len(grouped))
    rows = -(-len(grouped) // columns)
    figure = Figure(figsize=(4.2 * columns, 2.8 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in list(axes.flat)[len(grouped) :]:
        axis.remove()
    for axis, (title, names) in zip(axes.flat, grouped.items(), strict=False):
        for name in names:
            epochs, values = zip(*found[name], strict=True)
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
        axis.set_title(titled(title), fontsize=10, loc="left", fontweight="bold", parse_math=False)
        axis.set_xlabel("epoch", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
        if len(names) > 1:
            axis.legend(fontsize=8, frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=120, format="png")
    return buffer.getvalue()
