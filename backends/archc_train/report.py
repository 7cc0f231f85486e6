"""A run as one HTML page that needs nothing else: numbers, curves, settings, spec, environment."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from archc_train.run import Run

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --mark: #c2410c }
@media (prefers-color-scheme: dark) { :root { --mark: #fb923c } }
body { font: 15px/1.55 system-ui, sans-serif; max-width: 62rem; margin: 2.5rem auto;
  padding: 0 1.2rem }
h1 { margin: 0 0 .2rem; font-size: 1.7rem } h2 { margin: 2.2rem 0 .6rem; font-size: 1.15rem }
h1, p, th, td { overflow-wrap: anywhere }
.soft { opacity: .7; margin: 0 }
.note { font-size: .85rem; margin-bottom: 1.6rem }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.4rem 0 .5rem }
.card { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .9rem;
  min-width: 6rem }
.card b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr));
  gap: 1.2rem }
svg { width: 100%; max-width: 30rem; fill: currentColor; stroke-linejoin: round }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .2rem 0 .2rem 1.1rem; text-align: right; border-bottom: 1px solid var(--line) }
th:first-child, td:first-child { padding-left: 0 }
table.facts th, table.facts td { text-align: left; font-weight: normal; vertical-align: top }
table.facts th { opacity: .7; white-space: nowrap }
tr.best td { font-weight: 600; color: var(--mark) }
.wide { overflow: auto; max-height: 36rem }
.wide th, .wide td { overflow-wrap: normal; white-space: nowrap }
.wide th { position: sticky; top: 0; background: Canvas }
pre { background: var(--soft); padding: 1rem; border-radius: .5rem; overflow: auto;
  font-size: 13px }
details > summary { cursor: pointer; margin-top: 2rem; font-size: 1.15rem; font-weight: 600 }
"""


def page(run: Run, curves: Sequence[str]) -> str:
    """The page; `curves` are SVG elements. All other text in it is escaped."""
    about, records = run.about, run.records()
    evaluations = [
        {name.removeprefix("val."): value for name, value in record.items()}
        for record in records
        if any(name.startswith("val.") for name in record)
    ]
    program = run.program()
    first = program.doc.strip().partition("\n")[0]
    saved = run.saved() or {}
    best: Mapping[str, Any] = saved.get("best", {})
    spec = (run.folder / "spec.yaml").read_text("utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(program.name)}: {escape(run.folder.name)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(program.name)}</h1>
<p class="soft">{program.params:,} parameters. {escape(first)}</p>
{cards(best)}
<div class="curves">{"".join(curves)}</div>
<h2>Evaluations</h2>
<div class="wide">{table(evaluations, best)}</div>
<h2>Settings</h2>
{facts({"run": str(run.folder), **settings(about)})}
<h2>Environment</h2>
{facts(about.get("environment", {}))}
<details><summary>Spec</summary><pre>{escape(spec)}</pre></details>
</body>
</html>
"""


def cards(best: Mapping[str, Any]) -> str:
    """The kept weights' numbers, and what they are."""
    shown = "".join(
        f'<div class="card">{escape(name)}<b>{number(value)}</b></div>'
        for name, value in best.items()
    )
    if not shown:
        return ""
    return (
        f'<div class="cards">{shown}</div>'
        '<p class="soft note">The kept weights, on the validation part.</p>'
    )


def table(evaluations: Sequence[Mapping[str, Any]], best: Mapping[str, Any]) -> str:
    """One row an evaluation, that of the kept weights marked."""
    if not evaluations:
        return "<p>none yet</p>"
    several = any(record["phase"] for record in evaluations)
    names = list(dict.fromkeys(name for record in evaluations for name in record))
    names = [name for name in names if name not in ("time", "turn", "phase")]
    head = ["phase", *names] if several else names
    last = evaluations[-1]["phase"]
    rows = "".join(
        f"<tr{mark(record, best, last)}>{''.join(cell(record.get(name)) for name in head)}</tr>"
        for record in evaluations
    )
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f"<table><tr>{titles}</tr>{rows}</table>"


def mark(record: Mapping[str, Any], best: Mapping[str, Any], phase: int) -> str:
    kept = record["phase"] == phase and record["epoch"] == best.get("epoch")
    return ' class="best"' if kept else ""


def cell(value: Any) -> str:
    return f"<td>{number(value)}</td>"


def number(value: Any) -> str:
    """Five digits, so that columns stand under each other; whole numbers as such."""
    if not isinstance(value, int | float):
        return "-"
    if not math.isfinite(value):
        return str(value)
    if value == int(value):
        return f"{value:.0f}"
    return f"{value:.5f}" if 1e-3 <= abs(value) < 1 else f"{value:#.5g}"


def settings(about: Mapping[str, Any]) -> dict[str, Any]:
    """What was chosen for this run, beside the spec."""
    facts = about.get("facts", {})
    labels = facts.get("labels") or []
    shown = {
        "seed": about.get("seed"),
        "data": about.get("data") or "as the spec says",
        **about.get("changes", {}),
        "weights to begin with": about.get("weights"),
        "labels": ", ".join(map(str, labels[:20])) + (" …" if len(labels) > 20 else ""),
        "vocabulary": f"{len(facts['vocabulary'])} tokens" if facts.get("vocabulary") else None,
    }
    return {name: value for name, value in shown.items() if value not in (None, "", [])}


def facts(values: Mapping[str, Any]) -> str:
    return f'<table class="facts">{"".join(listed(values.items()))}</table>'


def listed(values: Iterable[tuple[str, Any]]) -> Iterable[str]:
    for name, value in values:
        text = value if isinstance(value, str) else json.dumps(value)
        yield f"<tr><th>{escape(str(name))}</th><td>{escape(text)}</td></tr>"
