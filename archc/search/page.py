"""A study as one HTML page that needs nothing else: its course, front, family and trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise

from archc.catalog import first_sentence
from archc.files import replacing
from archc.search.drawing import Marks, chart
from archc.search.family import chain, tree
from archc.search.ranking import hypervolume, point
from archc.search.record import Record, best, duplicates, finished, front
from archc.search.section import Search
from archc.search.study import Study

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --mark: #c2410c; --some: #8da9c4 }
@media (prefers-color-scheme: dark) { :root { --mark: #fb923c; --some: #5b7c99 } }
body { font: 15px/1.55 system-ui, sans-serif; max-width: 72rem; margin: 2.5rem auto;
  padding: 0 1.2rem }
h1 { margin: 0 0 .2rem; font-size: 1.7rem } h2 { margin: 2.2rem 0 .6rem; font-size: 1.15rem }
h1, p { overflow-wrap: anywhere }
.soft { opacity: .7; margin: 0 }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.4rem 0 .5rem }
.card { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .9rem; min-width: 6rem }
.card b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
  gap: 1.2rem }
figure { margin: 0 } svg { width: 100% } svg.chart { max-width: 34rem }
svg text { fill: currentColor; font: 11px system-ui, sans-serif; opacity: .8 }
.grid { stroke: var(--line); stroke-width: .6 }
.each { fill: var(--some); fill-opacity: .75 } .top { fill: var(--mark) }
.curve { fill: none; stroke: var(--mark); stroke-width: 2; stroke-linejoin: round }
.edge { fill: none; stroke: var(--line) } .line { fill: none; stroke: var(--mark); stroke-width: 2 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .2rem 0 .2rem 1.1rem; text-align: right; border-bottom: 1px solid var(--line) }
th:first-child, td:first-child { padding-left: 0 } td { white-space: nowrap }
td.words, th.words { text-align: left } td.words { white-space: normal; min-width: 8rem }
tr.best td { font-weight: 600; color: var(--mark) } tr:target td { background: var(--soft) }
.wide { overflow-x: auto } .long { overflow: auto; max-height: 36rem }
.long th { position: sticky; top: 0; background: Canvas }
.tree { overflow: auto; max-height: 30rem }
pre { background: var(--soft); padding: 1rem; border-radius: .5rem; overflow: auto;
  font-size: 13px }
details > summary { cursor: pointer; margin-top: 1rem; font-weight: 600 }
"""


def write(study: Study, records: Sequence[Record]) -> None:
    """Writes `report.html` into the study's folder."""
    with replacing(study.folder / "report.html") as file:
        file.write(page(study, records).encode(errors="backslashreplace"))


def page(study: Study, records: Sequence[Record]) -> str:
    """The page. All text in it that is not ours is escaped."""
    search = study.search
    program = study.origin.program
    winner = best(records, search.objectives)
    sought = ", ".join(
        f"{'greatest' if one.maximize else 'least'} {one.name}" for one in search.objectives
    )
    name = escape(study.about["name"])
    first = escape(first_sentence(program.doc))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}: {escape(study.folder.name)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{name}</h1>
<p class="soft">The {escape(sought)}, by {escape(search.strategy)}. {first}</p>
{cards(records, winner, search)}
<div class="charts">{"".join(charts(records, search))}</div>
<h2 id="front">Front</h2>
<div class="wide">{table(front(records, search.objectives), search, winner)}</div>
<h2 id="family">Family</h2>
<div class="tree">{tree(records, winner)}</div>
<h2 id="lineage">Lineage of the best</h2>
{"".join(steps(study.origin.text(), records, winner, search))}
<h2 id="trials">Trials</h2>
<div class="long">{table(records, search, winner, whole=True)}</div>
<details><summary>The spec that it began with</summary>
<pre>{escape(study.origin.file.source.text)}</pre></details>
</body>
</html>
"""


def cards(records: Sequence[Record], winner: Record | None, search: Search) -> str:
    counts = {
        "evaluated": sum(one.evaluated for one in records),
        "duplicates avoided": duplicates(records),
        "beyond limits": sum(one.state == "limited" for one in records),
        "failed": sum(one.state == "failed" for one in records),
        "seconds": sum(one.spent for one in records),
    }
    found: Mapping[str, float] = {} if winner is None else winner.values
    top = {f"best {one.name}": found.get(one.name) for one in search.objectives[:1]}
    return (
        '<div class="cards">'
        + "".join(
            f'<div class="card">{escape(name)}<b>{number(value)}</b></div>'
            for name, value in {**top, **counts}.items()
        )
        + "</div>"
    )


# ---- charts


def charts(records: Sequence[Record], search: Search) -> Iterator[str]:
    """The best so far, the front of each pair of neighbouring objectives, and the hypervolume."""
    done = sorted(finished(records), key=lambda one: one.told or 0)
    if not done:
        return
    spent = spending(records)
    first = search.objectives[0]
    curve: list[tuple[float, float]] = []
    for one in done:
        value = one.values[first.name]
        if not curve or first.better(value, curve[-1][1]):
            curve.append((spent[one.number], value))
    curve.append((spent[done[-1].number], curve[-1][1]))
    each = [(spent[one.number], one.values[first.name]) for one in done]
    dots = Marks(each, "each", titles=titles(done), links=links(done))
    yield figure(chart([dots, Marks(curve, "curve", "steps")], "seconds of evaluation", first.name))
    members = front(records, search.objectives)
    for ours, theirs in pairwise(search.objectives):
        names = (ours.name, theirs.name)
        every = Marks(pairs(done, names), "each", titles=titles(done), links=links(done))
        top = Marks(pairs(members, names), "top", titles=titles(members), links=links(members))
        yield figure(chart([every, top], *names))
    if len(search.objectives) > 1:
        yield figure(
            chart([Marks(volumes(done, search, spent), "curve", "steps")],
                  "seconds of evaluation", "hypervolume"),
            "Hypervolume, each objective from its worst value on, as a share of its range.",
        )  # fmt: skip


def figure(svg: str, words: str = "") -> str:
    caption = f'<figcaption class="soft">{escape(words)}</figcaption>' if words else ""
    return f"<figure>{svg}{caption}</figure>"


def spending(records: Sequence[Record]) -> dict[int, float]:
    """Seconds of evaluation until each trial was told."""
    total, found = 0.0, {}
    for one in sorted((one for one in records if one.told is not None), key=lambda r: r.told or 0):
        total += one.cost
        found[one.number] = total
    return found


def volumes(
    done: Sequence[Record], search: Search, spent: Mapping[int, float]
) -> list[tuple[float, float]]:
    """The hypervolume whenever it grew, objectives scaled to 0 (the best value) … 1 (the worst)."""
    points = [point(one.values, search.objectives) for one in done]
    lows = [min(column) for column in zip(*points, strict=True)]
    spans = [
        max(column) - low or 1.0
        for column, low in zip(zip(*points, strict=True), lows, strict=True)
    ]
    scaled = [
        tuple((x - low) / span for x, low, span in zip(one, lows, spans, strict=True))
        for one in points
    ]
    members: list[tuple[float, ...]] = []
    curve: list[tuple[float, float]] = []
    volume, worst = 0.0, (1.0,) * len(search.objectives)
    for record, one in zip(done, scaled, strict=True):
        if any(all(a <= b for a, b in zip(other, one, strict=True)) for other in members):
            continue
        shared = [tuple(map(max, one, other)) for other in members]
        volume += hypervolume([one], worst) - hypervolume(shared, worst)
        members = [
            other for other in members if not all(a <= b for a, b in zip(one, other, strict=True))
        ]
        members.append(one)
        curve.append((spent[record.number], volume))
    return [*curve, (spent[done[-1].number], curve[-1][1])]


def pairs(records: Sequence[Record], names: tuple[str, str]) -> list[tuple[float, float]]:
    return [(one.values[names[0]], one.values[names[1]]) for one in records]


def titles(records: Sequence[Record]) -> list[str]:
    return [f"trial {one.number}: {one.change}" for one in records]


def links(records: Sequence[Record]) -> list[str]:
    return [f"#trial-{one.number}" for one in records]


# ---- tables


def table(
    records: Sequence[Record], search: Search, winner: Record | None, whole: bool = False
) -> str:
    """One row a trial; the `whole` one can be linked to."""
    if not records:
        return "<p>none yet</p>"
    names = list(dict.fromkeys([one.name for one in search.objectives]))
    names += sorted({name for one in records for name in one.values} - set(names))
    head = "".join(f"<th>{escape(name)}</th>" for name in ("trial", *names, "seconds", "parents"))
    words = "".join(f'<th class="words">{one}</th>' for one in ("change", "state"))
    rows = []
    for one in records:
        mark = ' class="best"' if winner is not None and one.number == winner.number else ""
        place = f' id="trial-{one.number}"' if whole else ""
        cells = [f"<td>{one.number}</td>"]
        cells += [f"<td>{number(one.values.get(name))}</td>" for name in names]
        parents = " ".join(f'<a href="#trial-{k}">{k}</a>' for k in one.parents)
        state = f"{one.state}: {one.why}" if one.why else one.state
        state = f"stopped after rung {one.rung + 1}" if one.stopped else state
        cells += [f"<td>{number(one.cost)}</td>", f"<td>{parents}</td>"]
        cells += [f'<td class="words">{escape(text)}</td>' for text in (one.change, state)]
        rows.append(f"<tr{mark}{place}>{''.join(cells)}</tr>")
    return f"<table><tr>{head}{words}</tr>{''.join(rows)}</table>"


def steps(
    origin: str, records: Sequence[Record], winner: Record | None, search: Search
) -> Iterator[str]:
    """How the best came to be, step by step from the origin, as differences of its specs."""
    if winner is None:
        yield "<p>none yet</p>"
        return
    for one, diff in chain(origin, records, winner):
        values = ", ".join(f"{o.name} {number(one.values.get(o.name))}" for o in search.objectives)
        words = escape(f"trial {one.number}: {one.change or 'the beginning'} ({values})")
        shown = escape(diff or "the text is the same")
        yield f"<details><summary>{words}</summary><pre>{shown}</pre></details>"


def number(value: float | None) -> str:
    """Five digits, that columns stand under each other; whole numbers as such."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value == int(value) else f"{value:#.5g}"
