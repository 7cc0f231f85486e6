"""`python -m bench.recipes RECIPE…`: trains recipes on real data, measures them, keeps the table.

python -m bench.recipes mlp_digits                       three seeds of every variant
python -m bench.recipes lenet5_mnist --data mnist=mnist.npz --seeds 1
python -m bench.recipes --quick                          all of them, two turns on tiny sets
python -m bench.recipes --page                           docs/recipes.md anew from the results
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from archc.errors import ArchcError
from bench.recipes import page, results
from bench.recipes.quick import tiny
from bench.recipes.running import run
from bench.recipes.table import chosen, recipes


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.recipes", description=__doc__)
    parser.add_argument("recipe", nargs="*", help="recipes, or specs with all their variants")
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--seeds", type=int, help="how many (as the table says)")
    parser.add_argument("--seed", type=int, help="one seed alone")
    parser.add_argument(
        "--quick", action="store_true", help="two turns on tiny sets; nothing is kept"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/recipes"), help="where runs lie")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--page", action="store_true", help="write docs/recipes.md and stop")
    args = parser.parse_args()
    table = recipes()
    try:
        rows = chosen(args.recipe, table)
    except KeyError as error:
        parser.error(error.args[0])
    odd = next((one for one in args.data if "=" not in one), None)
    if odd is not None:
        parser.error(f"--data {odd}: of which set? --data NAME=PATH")
    if not args.page:
        torch.set_num_threads(args.threads)
        with TemporaryDirectory() as folder:
            if args.quick:
                args.runs, args.seeds = Path(folder), 1
                paths = tiny(Path(folder))
            else:
                paths = {
                    name: Path(path) for name, _, path in (one.partition("=") for one in args.data)
                }
            for recipe in rows:
                seeds = (
                    [args.seed]
                    if args.seed is not None
                    else list(range(args.seeds or recipe.seeds))
                )
                try:
                    for seed in seeds:
                        found = run(recipe, seed, args.runs, paths, quick=args.quick)
                        print(
                            f"\r{recipe.name} {seed}: {found.numbers} in {found.seconds:.0f} s",
                            flush=True,
                        )
                        if not args.quick:
                            results.add([found])
                except ArchcError as error:
                    print(f"{recipe.name}: {error}", file=sys.stderr)
                    return 1
    if not args.quick:
        page.write(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
