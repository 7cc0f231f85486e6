"""Random structural moves in long chains, each candidate judged by a fresh reading of its YAML.

python bench/moves.py [--count 2000] [--seed 0] [--chain 100] [--sample 10] [--workers 1]
                      [--only NUMBER]

A chain is determined by the seed and its number, so a finding is seen again with `--only`. A sample
of the candidates is built in both backends and compared. Ends with 1 if a spec is invalid, a kind
makes less than 3 % of the moves, fewer than 90 % of the digests are distinct, or the backends
differ.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "moves"
LEAST_SHARE, LEAST_DISTINCT = 0.03, 0.9
ORIGINS: dict[str, tuple[str, dict[str, Any]]] = {
    "resnet18": ("resnet", {"block": "basic", "depths": [2, 2, 2, 2]}),
    "mobilenet_v2": ("mobilenet_v2", {}),
    "gpt": ("gpt2", {"vocab": 512, "context": 64, "dim": 96, "heads": 6, "layers": 4}),
    "lstm": ("language_model", {"vocab": 200, "dim": 64, "hidden": 64, "layers": 1}),
}
# How often a kind is asked for: more often where few of the origins have it.
OFTEN = {"heads": 3.0, "repeat": 2.0, "stride": 1.5, "kernel": 1.5, "groups": 1.5}
Row = dict[str, Any]


def main() -> int:
    given = arguments()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before a worker imports torch
    if given.only is not None:
        return alone(given)
    FOLDER.mkdir(parents=True, exist_ok=True)
    chains = -(-given.count // given.chain)
    every = max(1, given.count // given.sample) if given.sample else 0
    jobs = [(given.seed, number, given.chain, every) for number in range(chains)]
    begun = perf_counter()
    rows: list[Row] = []
    for done, row in enumerate(worked(jobs, given.workers), 1):
        rows.append(row)
        for finding in row["findings"]:
            print(f"chain {row['number']}: {finding}", file=sys.stderr, flush=True)
        if done % 20 == 0 or done == chains:
            made = sum(sum(one["kinds"].values()) for one in rows)
            print(f"{made} moves, {perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    return summary(rows, perf_counter() - begun)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000, help="how many moves")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--chain", type=int, default=100, help="moves from an origin on")
    parser.add_argument("--sample", type=int, default=10, help="candidates that are built and run")
    parser.add_argument("--workers", type=int, default=1, help="processes, one thread each")
    parser.add_argument("--only", type=int, help="the chain of one number, move by move")
    return parser.parse_args()


def worked(jobs: list[tuple[int, int, int, int]], workers: int) -> Iterator[Row]:
    if workers == 1:
        yield from map(walked, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(walked, job) for job in jobs]):
            yield done.result()


def walked(job: tuple[int, int, int, int], show: bool = False) -> Row:
    """One chain: what kinds of moves it made, the digests it met, and what went wrong."""
    seed, number, length, every = job
    origin, candidate = begin(number)
    random = Random(f"{seed} {number}")
    row: Row = {
        "number": number,
        "origin": origin,
        "kinds": Counter(),
        "digests": [],
        "findings": [],
        "proposing": 0.0,
        "judging": 0.0,
        "built": 0,
        "worst": 0.0,
    }
    for step in range(length):
        start = perf_counter()
        move = drawn(candidate, random)
        if move is None:
            row["findings"].append(f"no move is left after {step}")
            break
        candidate = move.made(candidate)
        finding = elaborated(candidate)
        row["proposing"] += perf_counter() - start
        if show:
            print(f"{step:3d} {move.kind:10s} {move.what}", flush=True)
        start = perf_counter()
        finding = finding or judged(candidate)
        row["judging"] += perf_counter() - start
        if finding is None and every and (number * length + step) % every == 0:
            gap, finding = compared(candidate)
            row["built"] += 1
            row["worst"] = max(row["worst"], gap)
        if finding is not None:
            row["findings"].append(f"{origin}, move {step}, {move.kind}, {move.what}: {finding}")
            keep(seed, number, step, candidate)
            break
        row["kinds"][move.kind] += 1
        row["digests"].append(candidate.network)
    return row


def begin(number: int) -> tuple[str, Any]:
    """The origin of a chain."""
    from archc.search.candidate import Candidate

    name = list(ORIGINS)[number % len(ORIGINS)]
    spec, values = ORIGINS[name]
    path = ROOT / "specs" / f"{spec}.yaml"
    return name, Candidate.read(path.read_text(encoding="utf-8"), path).with_values(values)


def drawn(candidate: Any, random: Random) -> Any:
    """A move of one kind, or of another where there is none."""
    from archc.search.moves import FINDERS, moves

    possible, kinds = moves(candidate), list(FINDERS)
    while kinds:
        kind = random.choices(kinds, [OFTEN.get(one, 1.0) for one in kinds])[0]
        move = possible.draw(random, kind)
        if move is not None:
            return move
        kinds.remove(kind)
    return None


def elaborated(candidate: Any) -> str | None:
    """What is wrong with the candidate in memory."""
    from archc.errors import ArchcError

    try:
        return None if candidate.program else "it means nothing"
    except ArchcError as error:
        return f"invalid: {error}"


def judged(candidate: Any) -> str | None:
    """What a fresh reading of the written YAML finds wrong."""
    from archc.errors import ArchcError
    from archc.pipeline import compile_text
    from archc.search.candidate import network_digest

    try:
        program = compile_text(candidate.text())
    except ArchcError as error:
        return f"invalid: {error}"
    same = network_digest(program) == candidate.network
    return None if same else "the text is another network than the candidate"


def compared(candidate: Any) -> tuple[float, str | None]:
    """How far PyTorch and onnxruntime are apart, and what is wrong with that."""
    from archc.pipeline import compile_text
    from archc_ort.verify import verify

    verdict = verify(compile_text(candidate.text()), sizes=1, threads=1)
    found = None if verdict.passed else f"the backends differ: {verdict.culprit}"
    return verdict.difference, found


def keep(seed: int, number: int, step: int, candidate: Any) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{seed}-{number}-{step}.yaml"
    path.write_text(candidate.text(), encoding="utf-8")


def alone(given: argparse.Namespace) -> int:
    row = walked((given.seed, given.only, given.chain, 0), show=True)
    print("\n".join(row["findings"]) or "nothing is wrong")
    return 1 if row["findings"] else 0


def summary(rows: list[Row], seconds: float) -> int:
    from archc.search.moves import FINDERS

    kinds: Counter[str] = sum((row["kinds"] for row in rows), Counter())
    total = kinds.total()
    print(f"{'':12}{''.join(f'{name:>14}' for name in ORIGINS)}{'all':>10}{'share':>9}")
    for kind in FINDERS:
        each = [sum(r["kinds"][kind] for r in rows if r["origin"] == name) for name in ORIGINS]
        columns = "".join(f"{count:14}" for count in each)
        print(f"{kind:12}{columns}{kinds[kind]:10}{kinds[kind] / total:9.1%}")
    digests = {digest for row in rows for digest in row["digests"]}
    for name in ORIGINS:
        met = [digest for row in rows if row["origin"] == name for digest in row["digests"]]
        print(f"{name}: {len(set(met))} of {len(met)} digests distinct")
    findings = [finding for row in rows for finding in row["findings"]]
    least = min(kinds[kind] for kind in FINDERS) / total
    built, worst = sum(row["built"] for row in rows), max(row["worst"] for row in rows)
    proposing = sum(row["proposing"] for row in rows)
    print(f"{total} moves in {len(rows)} chains, {seconds:.0f} s; the rarest kind {least:.1%}")
    print(f"{total / proposing:.0f} candidates proposed, made and elaborated a second and core")
    print(f"{len(digests)} distinct digests, {len(digests) / total:.1%}")
    print(f"{len(findings)} findings, of them {sum('invalid' in f for f in findings)} invalid")
    print(f"{built} built in both backends, the largest difference {worst:.1e}")
    (FOLDER / "findings.json").write_text(json.dumps(findings, indent=1), encoding="utf-8")
    enough = least >= LEAST_SHARE and len(digests) >= LEAST_DISTINCT * total
    return 0 if enough and not findings else 1


if __name__ == "__main__":
    sys.exit(main())
