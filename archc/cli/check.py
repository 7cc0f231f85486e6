"""Validate specs, how they are trained and what a search may change: every finding in one go.

Examples:
  archc check specs/resnet.yaml
  archc check *.yaml --strict           warnings count as errors
  archc check net.yaml:small --set classes=10 --json
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace

from archc.cli.options import add_choices, add_spec
from archc.cli.report import report
from archc.cli.specs import open_spec
from archc.cli.terminal import counted, painter, short
from archc.errors import Diagnostic, SpecError, UsageError, printable
from archc.ir.program import Program


def configure(parser: ArgumentParser) -> None:
    add_spec(parser, nargs="+", help="files, file:variant, or zoo names")
    add_choices(parser)
    parser.add_argument("--strict", action="store_true", help="warnings count as errors")


def run(args: Namespace) -> int:
    everything: dict[str, Diagnostic] = {}
    summaries: list[tuple[bool, str]] = []
    for spec in args.spec:
        found, programs = examine(spec, args)
        everything.update({str(one.as_json()): one for one in found})
        bad = [d for d in found if d.severity == "error" or args.strict]
        summaries.append((not bad, f"{spec}: {summary(found, programs)}"))
    report(everything.values(), args)
    if not args.json:
        show(summaries, args.quiet)
    return 0 if all(good for good, _ in summaries) else 1


def examine(spec: str, args: Namespace) -> tuple[list[Diagnostic], list[Program]]:
    """What is wrong with a spec, and the networks that it describes. Raises UsageError."""
    try:
        opened = open_spec(spec, args.variant)
    except UsageError:
        raise
    except SpecError as error:
        return list(error.diagnostics), []
    programs: list[Program] = []
    found: dict[tuple[object, ...], tuple[Diagnostic, list[str | None]]] = {}
    variants = opened.variants(args.set)
    for variant in variants:
        try:
            program = opened.program(variant, args.set)
            diagnostics: Sequence[Diagnostic] = [
                *program.warnings,
                *of_training(program),
                *of_search(program),
            ]
            programs.append(program)
        except SpecError as error:
            diagnostics = error.diagnostics
        for one in diagnostics:
            place = one.place
            where = (place.source.name, place.line, place.column) if place else ()
            key = (one.code, where, one.message)
            found.setdefault(key, (one, []))[1].append(variant)
    everywhere = len(variants)
    return [named(one, seen, everywhere) for one, seen in found.values()], programs


def of_training(program: Program) -> list[Diagnostic]:
    """What is wrong with the spec's `train:` section, if it has one."""
    if program.file is None or program.file.section("train") is None:
        return []
    from archc.train import check

    return check(program)


def of_search(program: Program) -> list[Diagnostic]:
    """What is wrong with the spec's `search:` section, if it has one."""
    if program.file is None or program.file.section("search") is None:
        return []
    from archc.search.reading import check

    return check(program)


def named(one: Diagnostic, seen: list[str | None], everywhere: int) -> Diagnostic:
    """The finding with a note on the variants that it is about, where it is not about all."""
    if None in seen or len(seen) == everywhere:
        return one
    names = ", ".join(f"'{name}'" for name in seen[:4]) + (" …" if len(seen) > 4 else "")
    what = "the variant" if len(seen) == 1 else "the variants"
    return replace(one, notes=(*one.notes, f"with {what} {names}"))


def summary(found: Sequence[Diagnostic], programs: Sequence[Program]) -> str:
    """A spec in a few words: what is wrong, or what it describes."""
    parts: list[str] = []
    for severity in ("error", "warning"):
        count = sum(d.severity == severity for d in found)
        if count:
            parts.append(f"{count} {severity}{'s' if count > 1 else ''}")
    if not any(d.severity == "error" for d in found):
        parts = ["ok", *parts, *described(programs)]
    return ", ".join(parts)


def described(programs: Sequence[Program]) -> list[str]:
    """Its variants and parameters; the blocks of a file that only offers some."""
    parts: list[str] = []
    variants = [program.variant for program in programs if program.variant is not None]
    if len(variants) > 1:
        parts.append(f"{len(variants)} variants")
    file = programs[0].file if programs else None
    if file is not None and not programs[0].models:
        return [*parts, f"{len(file.blocks)} blocks"]
    sizes = sorted({program.params for program in programs})
    if len(sizes) > 1:
        parts.append(f"{short(sizes[0])} to {short(sizes[-1])} parameters")
    elif sizes:
        parts.append(f"{counted(sizes[0])} parameter{'s' if sizes[0] != 1 else ''}")
    return parts


def show(summaries: Sequence[tuple[bool, str]], quiet: bool) -> None:
    import sys

    paint = painter(sys.stdout)
    for good, text in summaries:
        if good and quiet:
            continue
        mark = paint("✓", "green") if good else paint("✗", "red")
        print(f"{mark} {printable(text)}")
