"""A run of `archc train` where a spec is asked for: its network, with the weights that it chose."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

LEARNT = ("scale", "vocabulary", "tokenizer")  # what a user of the network needs of its data


def resolve(args: Namespace, name: str = "spec") -> dict[str, Any]:
    """Puts a run's spec, weights and settings in the place of its directory, if it is one.

    What the run knows of its data and no key of a spec holds is metadata of the program. Raises
    InputError E811 for a run that came to no weights, UsageError E706 for what would change its
    network.
    """
    from archc.errors import InputError, UsageError

    folder = Path(getattr(args, name))
    path = folder / "run.json"
    if not path.is_file():
        return {}
    if args.set or args.variant:
        given = "set" if args.set else "variant"
        what = f"a run's network is what was trained: --{given} cannot change it"
        raise UsageError.of("E706", what)
    weights = folder / "best.safetensors"
    if args.weights is None and not weights.exists():
        what = f"{folder} has no best.safetensors: it was stopped before its first evaluation"
        raise InputError.of("E811", what, help=f"archc train --resume {folder}")
    about = json.loads(path.read_text("utf-8"))
    args.weights = args.weights or str(weights)
    args.set = about.get("settings", {})
    setattr(args, name, str(folder / "spec.yaml"))
    facts = about.get("facts", {})
    return {key: facts[key] for key in LEARNT if key in facts}
