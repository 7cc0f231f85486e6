"""Random valid specs through PyTorch and onnxruntime: what they cover, and whatever does not agree.

python bench/fuzz.py [--count 20000] [--seed 0] [--workers 2] [--only NUMBER]

A spec is determined by the seed and its number, so a finding is seen again with `--only`. What was
done is kept in build/fuzz/SEED.jsonl and not done again; findings are made small and written beside
it. Ends with 1 if there are findings, or if fewer than 95 % of the outputs are finite and not
constant.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "fuzz"
ENOUGH = 0.95  # of the outputs are to be finite and not constant
SMALL = 90.0  # seconds spent on making a finding small
Row = dict[str, Any]


def main() -> int:
    given = arguments()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before a worker imports torch
    sys.path[0] = str(ROOT / "tests")  # in place of this folder, whose fuzz.py is not that package
    if given.only is not None:
        return alone(given.seed, given.only)
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = FOLDER / f"{given.seed}.jsonl"
    done = {row["number"]: row for row in read(kept) if row["number"] < given.count}
    rows = list(done.values())
    numbers = [number for number in range(given.count) if number not in done]
    begun = perf_counter()
    with kept.open("a", encoding="utf-8") as file:
        for row in worked(given.seed, numbers, given.workers):
            rows.append(row)
            file.write(json.dumps(row) + "\n")
            file.flush()
            if len(rows) % 100 == 0:
                report_progress(len(rows), given.count, rows)
    seconds = perf_counter() - begun
    summary(rows)
    if numbers:
        each = len(numbers) / seconds / given.workers
        print(f"{len(numbers)} specs in {seconds:.0f} s: {each:.1f} a second and process")
    found = [row for row in rows if row["finding"]]
    for row in first_of_each(found):
        minimise(given.seed, row)
    return 1 if found or share(rows) < ENOUGH else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000, help="how many specs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="processes, one thread each")
    parser.add_argument("--only", type=int, help="the spec of one number, shown and run")
    return parser.parse_args()


def read(path: Path) -> Iterator[Row]:
    """The rows of an earlier run; a last line that was cut off is left out."""
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


# -- running ------------------------------------------------------------------


def worked(seed: int, numbers: list[int], workers: int) -> Iterator[Row]:
    """A row for each number, in whatever order they are done."""
    jobs = [(seed, number) for number in numbers]
    with get_context("spawn").Pool(workers, prepare) as pool:
        yield from pool.imap_unordered(one, jobs, chunksize=8)


def prepare() -> None:
    warnings.simplefilter("ignore")
    import torch

    torch.set_num_threads(1)


def one(job: tuple[int, int]) -> Row:
    """What one spec uses, and what was found with it."""
    from fuzz.parity import Finding, Outcome, examine
    from fuzz.specs import from_seed

    seed, number = job
    made = from_seed(seed, number)
    outcome, finding, about = Outcome(), "", ""
    try:
        outcome = examine(made.text, number)
    except Finding as error:
        finding, about = error.kind, str(error)[:400]
    return {
        "number": number,
        "ops": dict(made.ops),
        "features": dict(made.features),
        "outputs": outcome.outputs,
        "dull": len(outcome.dull),
        "sensitive": outcome.sensitive,
        "unsupported": outcome.unsupported.split("\n")[0],
        "finding": finding,
        "about": about,
    }


def alone(seed: int, number: int) -> int:
    from fuzz.parity import Finding, examine
    from fuzz.specs import from_seed

    made = from_seed(seed, number)
    print(made.text)
    try:
        print(examine(made.text, number))
    except Finding as error:
        print(error)
        return 1
    return 0


def minimise(seed: int, row: Row) -> None:
    """Prints the smallest spec found that shows the same, and keeps it in a file."""
    from fuzz.parity import Finding, examine
    from fuzz.reduce import reduced
    from fuzz.specs import from_seed

    number = row["number"]

    def shows(text: str) -> bool:
        try:
            examine(text, number)
        except Finding as error:
            return alike({"finding": error.kind, "about": str(error)}) == alike(row)
        return False

    small = reduced(from_seed(seed, number).text, shows, SMALL)
    path = FOLDER / f"finding-{seed}-{number}.yaml"
    path.write_text(f"# {alike(row)}\n{small}", encoding="utf-8")
    print(f"\n{path.relative_to(ROOT)}: {row['about'].splitlines()[0][:160]}\n{small}")


# -- telling ------------------------------------------------------------------


def alike(row: Row) -> str:
    """What findings of one cause have in common, roughly."""
    if row["finding"].startswith("values"):
        return f"values{' of another type' if ': inf' in row['about'] else ''}"
    return str(row["about"])[:70].split("\n")[0]


def first_of_each(found: Iterable[Row]) -> list[Row]:
    kinds: dict[str, Row] = {}
    for row in sorted(found, key=lambda row: int(row["number"])):
        kinds.setdefault(alike(row), row)
    return list(kinds.values())


def share(rows: Iterable[Row]) -> float:
    """The share of outputs that are finite and not constant."""
    rows = list(rows)
    outputs = sum(row["outputs"] for row in rows)
    return 1 - sum(row["dull"] for row in rows) / max(1, outputs)


def report_progress(count: int, total: int, rows: list[Row]) -> None:
    found = sum(bool(row["finding"]) for row in rows)
    print(f"\r{count} of {total}, {found} findings ", end="", file=sys.stderr, flush=True)


def summary(rows: list[Row]) -> None:
    from archc.ops.registry import ops

    used, features = Counter[str](), Counter[str]()
    for row in rows:
        used.update(row["ops"])
        features.update(row["features"])
    steps, outputs = sum(used.values()), sum(row["outputs"] for row in rows)
    print(f"\n{len(rows)} specs, {steps} steps of {len(used)} of {len(ops())} op kinds")
    columns(used)
    if never := sorted(set(ops()) - set(used)):
        print(f"never used: {', '.join(never)}")
    print("the language")
    columns(features)
    print(f"{share(rows):.2%} of {outputs} outputs are finite and not constant")
    print(f"{sum(row['sensitive'] for row in rows)} differences are what rounding the inputs makes")
    for what in ("unsupported", "finding"):
        groups: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            if row[what]:
                groups[alike(row) if what == "finding" else row[what]].append(row["number"])
        print(f"{sum(map(len, groups.values()))} specs: {what}")
        for name, numbers in sorted(groups.items()):
            print(f"  {len(numbers):5}  {name}  {sorted(numbers)[:6]}")


def columns(counts: Counter[str]) -> None:
    """Names with their counts, four in a line."""
    cells = [f"{name:22}{count:7}" for name, count in counts.most_common()]
    for k in range(0, len(cells), 4):
        print("  " + "  ".join(cells[k : k + 4]))


if __name__ == "__main__":
    sys.exit(main())
