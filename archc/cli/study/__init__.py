"""Show what a search found: its best, its front, how they came to be, their specs; or train those.

  show      what was done, and the best; --all lists every trial
  best      the best candidate's spec, by the first objective
  front     the candidates that no other is better than in all objectives
  lineage   how a trial came to be from the spec, as differences of its specs; of the best without
            a number; --all also says what each step made of the network
  export    candidates as YAML files, into the study's specs/ or -o: the front, --best, or numbers
  retrain   candidates trained as their spec says, from first weights and for as long, then built
            and measured, into the study's runs/ or -o: the best, --front, or numbers; what was
            stopped is gone on with, what is done is kept
  page      the whole study as a page, report.html

Examples:
  archc study show studies/net
  archc study lineage studies/net 41
  archc study export studies/net --best -o winner
  archc study retrain studies/net                  verified ONNX: studies/net/runs/0041/build
  archc study retrain studies/net --front -o finals
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

ACTIONS = ("show", "best", "front", "lineage", "export", "retrain", "page")
# Which actions an option is for.
OPTIONS = {
    "trials": ("lineage", "export", "retrain"),
    "output": ("export", "retrain"),
    "best": ("export", "retrain"),
    "front": ("export", "retrain"),
    "all": ("show", "lineage"),
}


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help=", ".join(ACTIONS))
    parser.add_argument("study", metavar="STUDY", help="the folder of a search")
    parser.add_argument(
        "trials", nargs="*", default=[], type=int, metavar="TRIAL", help="numbers of trials"
    )
    parser.add_argument("-o", "--output", metavar="DIR", help="where export and retrain write")
    parser.add_argument("--best", action="store_true", help="export or retrain the best alone")
    parser.add_argument("--front", action="store_true", help="export or retrain the whole front")
    parser.add_argument("--all", action="store_true", help="show every trial; all of a lineage")
    parser.add_argument("--storage", metavar="URL", help="where it is now, or with its password")


def run(args: Namespace) -> int:
    from archc.cli.study import found, retrained
    from archc.search.study import Study

    check(args)
    actions = {
        "show": found.show, "best": found.best, "front": found.front, "lineage": found.lineage,
        "export": found.export, "retrain": retrained.retrain, "page": found.page,
    }  # fmt: skip
    study = Study.open(Path(args.study), args.storage)
    try:
        return actions[args.action](study, args)
    finally:
        study.close()


def check(args: Namespace) -> None:
    """Raises UsageError E706 for options that are not for the action, or not for each other."""
    from archc.errors import UsageError

    for name, actions in OPTIONS.items():
        if getattr(args, name) and args.action not in actions:
            given = "a trial's number" if name == "trials" else f"--{name}"
            what = f"{given} is for {' and '.join(actions)}, not for {args.action}"
            raise UsageError.of("E706", what)
    if args.action == "lineage" and len(args.trials) > 1:
        raise UsageError.of("E706", "a lineage is of one trial", help="give one number")
    if bool(args.trials) + args.best + args.front > 1:
        what = "numbers of trials, --best and --front are three ways to choose"
        raise UsageError.of("E706", what, help="give one")
