"""A run of `archc train` where a spec is asked for: its network, with the weights that it chose."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def resolve(args: Namespace, name: str = "spec") -> Mapping[str, Any]:
    """Puts a run's spec, weights and settings in the place of its directory, if it is one.

    What the run knows of its data and no key of a spec holds is metadata of the program. Raises
    InputError E811 for a run that came to no weights, UsageError E706 for what would change its
    network.
    """
    from archc.errors import UsageError
    from archc.trained import Trained

    trained = Trained.open(Path(getattr(args, name)))
    if trained is None:
        return {}
    if args.set or args.variant:
        given = "set" if args.set else "variant"
        what = f"a run's network is what was trained: --{given} cannot change it"
        raise UsageError.of("E706", what)
    args.weights = args.weights or str(trained.best)
    args.set = dict(trained.settings)
    setattr(args, name, str(trained.spec))
    return trained.learnt
