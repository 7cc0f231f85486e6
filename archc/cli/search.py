"""Search architectures as a spec's `search:` section says, into a study.

Candidates are specs, made from this one by its holes and moves. The study's folder holds the spec,
all trials, what they left, and a page; `archc study` shows it. A search that was stopped, by Ctrl-C
or in any other way, goes on with --resume, and no finished trial is evaluated again.

Candidates are trained as the spec's `train:` section says, unless the objectives follow from the
graph, as params and macs do, or --table or --evaluate say otherwise.

Examples:
  archc search net.yaml                            into studies/NAME
  archc search net.yaml -o studies/wide --set width=16 --workers 2 --trials 300
  archc search net.yaml --strategy random --evaluate scores:latency
  archc search --resume studies/wide --trials 600
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archc.cli.options import add_choices, add_spec

if TYPE_CHECKING:
    from archc.search.start import Searched
    from archc.search.study import Study

CHANGES = ("strategy", "trials", "seconds", "seed")
BUDGET = ("trials", "seconds")
BEGINNING = (
    "set",
    "variant",
    "output",
    "strategy",
    "seed",
    "evaluate",
    "table",
    "data",
    "download",
    "device",
)


def configure(parser: ArgumentParser) -> None:
    from archc.spec.search import STRATEGIES

    add_spec(parser, nargs="?")
    add_choices(parser)
    parser.add_argument("-o", "--output", metavar="STUDY", help="the folder; studies/NAME without")
    parser.add_argument("--resume", metavar="STUDY", help="go on with a study that is there")
    parser.add_argument("--trials", type=int, metavar="N", help="candidates to evaluate, in all")
    parser.add_argument("--seconds", type=float, metavar="S", help="of all evaluations together")
    parser.add_argument("--strategy", choices=STRATEGIES, help="in place of the spec's")
    parser.add_argument("--seed", type=int, metavar="N", help="of everything drawn")
    parser.add_argument(
        "--evaluate", metavar="MODULE:FUNCTION",
        help="what scores a candidate: numbers by name; or the name of an installed evaluator",
    )  # fmt: skip
    parser.add_argument("--table", metavar="CSV", help="scores by parameters, looked up")
    parser.add_argument("--data", metavar="PATH", help="where the data is, in place of the spec's")
    parser.add_argument("--download", action="store_true", help="fetch data that is not here")
    parser.add_argument(
        "--storage", metavar="URL", help="a database for the trials, as SQLAlchemy names it"
    )
    group = parser.add_argument_group("workers")
    group.add_argument(
        "--workers", type=int, metavar="N", help="processes that evaluate; 0: none but this one"
    )
    group.add_argument("--threads", type=int, default=1, metavar="N", help="of each of them; 1")
    group.add_argument("--ray", metavar="ADDRESS", help="workers of a Ray cluster: auto, HOST:PORT")
    group.add_argument("--gpus", type=float, default=0.0, metavar="N", help="of each, with --ray")
    group.add_argument(
        "--device", choices=("auto", "cpu"), help="auto, without it: a GPU where there is one"
    )


def run(args: Namespace) -> int:
    from archc.cli.searching import Display
    from archc.errors import ArchcError
    from archc.interrupt import interruptible
    from archc.search.page import write
    from archc.search.start import Staff, go_on

    check(args)
    staff = Staff(args.workers, args.threads, args.ray, args.gpus)
    study = resumed(args) if args.resume is not None else begun(args)
    display = Display(args, study)
    try:
        with display, interruptible() as asked:
            searched = go_on(study, staff, display, asked)
        if not display.told and searched.end == "budget" and not display.silent:
            print("the budget is spent: --trials and --seconds give it more room", file=sys.stderr)
        write(study, searched.records)
    except ArchcError as error:
        if args.resume is None and not display.told:
            study.discard()  # what was wrong is wrong with the command: it can be given again
            raise study.as_given(error) from error
        raise
    finally:
        study.close()
    if searched.end == "stopped":
        print("\narchc: stopped; what is finished is recorded", file=sys.stderr)
        print(f"go on: archc search --resume {named(study, args)}", file=sys.stderr)
        return 130
    return tell(study, searched, args)


def check(args: Namespace) -> None:
    """Raises UsageError E706 for options that do not go together."""
    from archc.errors import UsageError

    if (args.spec is None) == (args.resume is None):
        help = "archc search net.yaml, or archc search --resume studies/net"
        raise UsageError.of("E706", "give a spec, or --resume with a study", help=help)
    said = {name: getattr(args, name) for name in BEGINNING}
    given = [name for name, one in said.items() if one or (one == 0 and one is not False)]
    if args.resume is not None and given:
        what = f"a study goes on as it was begun: --{given[0]} is for a new one"
        raise UsageError.of("E706", what, help="--trials and --seconds give it more room")
    if args.evaluate is not None and args.table is not None:
        raise UsageError.of("E706", "--evaluate and --table are two ways to score", help="give one")
    for name in (*BUDGET, "threads"):
        value = getattr(args, name)
        if value is not None and not 0 < value < inf:
            raise UsageError.of("E706", f"--{name} takes more than 0", help=f"--{name} 1")
    if args.seed is not None and args.seed < 0:
        raise UsageError.of("E706", "--seed takes 0 or more", help="--seed 1")
    if args.gpus < 0 or (args.gpus and args.ray is None):
        what = "--gpus takes 0 or more, of a Ray cluster"
        raise UsageError.of("E706", what, help="--ray auto --gpus 1")
    if args.workers is not None and args.workers < (args.ray is not None):
        least = "0 or more" if args.ray is None else "at least 1 with --ray"
        raise UsageError.of("E706", f"--workers takes {least}", help="--workers 2")


def begun(args: Namespace) -> Study:
    from archc.search.start import Plan, begin

    data = None if args.data is None else Path(args.data).resolve().as_posix()
    options = {"data": data, "download": args.download, "device": args.device or "auto"}
    plan = Plan(given(args, CHANGES), args.evaluate, args.table, options)
    folder = Path(args.output) if args.output else None
    return begin(
        args.spec, plan, variant=args.variant, set=args.set, folder=folder, url=args.storage
    )


def resumed(args: Namespace) -> Study:
    from archc.errors import UsageError, printable
    from archc.search.study import Study

    study = Study.open(Path(args.resume), args.storage, hold=True)
    done = sum(one.evaluated for one in study.records)
    if args.trials is not None and args.trials < done:
        study.close()
        what = f"{done} trials of {printable(study.folder.as_posix())} were evaluated already"
        raise UsageError.of("E706", what, help=f"--trials {2 * done}")
    study.change(given(args, BUDGET))
    return study


def given(args: Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(args, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def tell(study: Study, searched: Searched, args: Namespace) -> int:
    """What came of it, and what can be done next; the exit code.

    Raises CheckError E867 where no candidate was evaluated to its end.
    """
    from archc.cli.report import print_json
    from archc.cli.searching import ended, numbers, summary
    from archc.errors import CheckError, printable
    from archc.search.record import best, in_vain

    path, name = printable(study.folder.as_posix()), named(study, args)
    records = searched.records
    found = best(records, study.search.objectives)
    if not args.json:
        for line in ended(searched):
            print(line, file=sys.stderr)
    if found is None:
        came = "; ".join(in_vain([one for one in records if one.twin is None]))
        what = f"no candidate was evaluated to its end: {came}"
        help = f"archc study show {name} --all lists them, {path}/log.txt has failures in full"
        raise CheckError.of("E867", what, help=help)
    if args.json:
        winner = {"trial": found.number, "values": dict(found.values)}
        counts = {**summary(records), "refused": len(searched.refused)}
        print_json({"study": path, "end": searched.end, **counts, "best": winner})
        return 0
    print(f"best  trial {found.number}  {numbers(found.values, study.search)}")
    print(path)
    if not args.quiet:
        hint(name, path, trains=study.origin.file.section("train") is not None)
    return 0


def hint(name: str, path: str, trains: bool) -> None:
    """Says what can be done with what was found."""
    from archc.cli.terminal import painter

    paint = painter(sys.stderr)
    hints = [
        (f"archc study front {name}", "the best candidates"),
        (f"archc study lineage {name}", "how the winner came to be"),
        (f"archc study export {name} --best", "the winner as a spec"),
    ]
    if trains:
        hints.append((f"archc study retrain {name}", "the winner trained in full, and built"))
    hints.append((f"{path}/report.html", "the whole study as a page"))
    width = max(len(command) for command, _ in hints)
    print(file=sys.stderr)
    for command, does in hints:
        print(f"  {command:<{width}}  {paint(does, 'dim')}", file=sys.stderr)


def named(study: Study, args: Namespace) -> str:
    """The study as commands name it, with its storage where that was said."""
    from archc.errors import word
    from archc.search.storage import shown

    storage = f" --storage {word(shown(args.storage))}" if args.storage else ""
    return f"{word(study.folder)}{storage}"
