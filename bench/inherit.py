"""Epochs until a child with its parent's weights is as accurate as one trained from nothing.

    python bench/inherit.py [--kinds widen deepen kernel skip] [--seeds 0 1 2]

The setting was fixed before anything was measured. Data: scikit-learn's digits, a quarter of them
to validate on. Parent: three small convolutions with batch normalisation, trained as the language's
documentation does it: AdamW at 3e-3, a cosine with 50 steps of warm-up, 20 epochs in batches of 64.
For each kind the parent gets the first child that a search's own moves give for the seed: it is
wider, has a further convolution, a larger kernel or a further skip. Seeds choose the move, first
weights and the order of the data. The child is trained by a search's own evaluator, once without
a parent and once with its weights, on the same 20 epochs and schedule, and validated after each.

What the child without a parent comes to after its last epoch is to be reached. Shown is the first
epoch after which either is there; with weights inherited it is to be at most half as many, its
parent's epochs not counted, since a search has made them already. Beside it stands what either
comes to where its whole schedule is 10 epochs. `gap` is how far the child with inherited weights is
from its parent before it is trained, over the largest magnitude of the parent's outputs.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import fmean

from archc.ir.program import Program
from archc.search.candidate import Candidate
from archc.search.moves import moves
from archc.search.section import Evaluation, Objective, Search
from archc.search.trial import Task

EPOCHS = 20
WANTED = 0.5
SPEC = f"""\
archc: 1
name: digits_cnn
inputs: {{image: [N, 1, 8, 8]}}
defaults: {{conv2d: {{bias: false}}}}
graph:
  - {{conv2d: {{out: 8, kernel: 3, padding: 1}}, name: conv1}}
  - {{batch_norm, name: norm1}}
  - relu
  - {{conv2d: {{out: 16, kernel: 3, padding: 1}}, name: conv2}}
  - {{batch_norm, name: norm2}}
  - relu
  - max_pool2d: 2
  - {{conv2d: {{out: 16, kernel: 3, padding: 1}}, name: conv3}}
  - {{batch_norm, name: norm3}}
  - relu
  - global_avg_pool
  - {{linear: 10, name: head}}
outputs: {{logits: prev}}
train:
  data: {{digits: {{normalize: true}}}}
  split: {{val: 0.25}}
  batch: 64
  epochs: {EPOCHS}
  loss: {{cross_entropy: [logits, label]}}
  optimizer: {{adamw: {{lr: 3.0e-3, weight_decay: 0.05, exempt: true}}}}
  schedule: {{cosine: {{warmup: 50}}}}
  metrics: {{accuracy: [logits, label]}}
"""


def layers(program: Program) -> int:
    """How many weights with at least two axes it has: convolutions and linear layers."""
    return sum(len(entry.type.dims) > 1 for entry in program.weights())


def grows(child: Program, parent: Program) -> bool:
    return child.params > parent.params


def deepens(child: Program, parent: Program) -> bool:
    return layers(child) > layers(parent)


KINDS: dict[str, tuple[str, Callable[[Program, Program], bool]]] = {  # the move, and which way
    "widen": ("width", grows),
    "deepen": ("insert", deepens),
    "kernel": ("kernel", grows),
    "skip": ("skip", grows),
}


def child_of(parent: Candidate, kind: str, seed: int) -> tuple[Candidate, str]:
    """The first child of a kind, and what was done."""
    name, wanted = KINDS[kind]
    for move in moves(parent).found(name, Random(seed)):
        child = move.made(parent)
        if wanted(child.program, parent.program):
            return child, move.what
    raise SystemExit(f"the network has no move of the kind {kind}")


@dataclass(frozen=True, slots=True)
class Curve:
    """The validation accuracy after each epoch; how far a child was from its parent before."""

    accuracy: list[float]
    gap: float | None = None

    def first(self, target: float) -> int | None:
        """The first epoch after which the accuracy is there."""
        return next((k for k, one in enumerate(self.accuracy, 1) if one >= target), None)


def trained(
    candidate: Candidate, seed: int, folder: Path, epochs: int, parent: Path | None = None
) -> Curve:
    """Trained by a search's evaluator, each epoch a rung; its weights stay in the folder."""
    from archc_search import evaluator

    evaluation = Evaluation(epochs=tuple(range(1, epochs + 1)), inherit=True)
    search = Search((), None, (Objective("accuracy", True),), evaluation=evaluation, seed=seed)
    evaluate = evaluator(search, candidate, {"device": "cpu"})
    parents = () if parent is None else (parent,)
    rungs = [evaluate(candidate, Task(0, folder, rung, parents)) for rung in range(epochs)]
    return Curve([rung["accuracy"] for rung in rungs], rungs[0].get("inherited_gap"))


def compared(kind: str, seed: int, folder: Path) -> tuple[int | None, int]:
    """The first epochs with and without inherited weights, of one child."""
    parent = folder / f"{seed}"
    origin = Candidate.read(SPEC, folder / "net.yaml")
    if not parent.exists():
        found = trained(origin, seed, parent, EPOCHS)
        print(f"seed {seed}: the parent comes to {found.accuracy[-1]:.4f}", flush=True)
    child, what = child_of(origin, kind, seed)
    print(f"  {kind}, {what}")
    at, half = folder / f"{seed}-{kind}", EPOCHS // 2
    alone = trained(child, seed, at / "alone", EPOCHS)
    heir = trained(child, seed, at / "heir", EPOCHS, parent)
    target = alone.accuracy[-1]
    short = [
        trained(child, seed, at / f"{half}-{name}", half, given).accuracy[-1]
        for name, given in (("alone", None), ("heir", parent))
    ]
    first = heir.first(target), alone.first(target)
    assert first[1] is not None
    shown = "not in" if first[0] is None else "after"
    print(
        f"    {target:.4f} is reached {shown} {first[0] or EPOCHS} epochs with inherited weights, "
        f"{first[1]} without; after {EPOCHS} {heir.accuracy[-1]:.4f}; gap {heir.gap:.1g}\n"
        f"    on a schedule of {half} epochs {short[1]:.4f} with, {short[0]:.4f} without",
        flush=True,
    )
    return first[0], first[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    found: dict[str, list[tuple[int | None, int]]] = {kind: [] for kind in args.kinds}
    with tempfile.TemporaryDirectory() as folder:
        for seed in args.seeds:
            for kind in args.kinds:
                found[kind].append(compared(kind, seed, Path(folder)))
    print(f"mean of {len(args.seeds)} seeds; wanted at most {WANTED}")
    rows = {**found, "all": [pair for pairs in found.values() for pair in pairs]}
    for kind, pairs in rows.items():
        heir = fmean(EPOCHS if one is None else one for one, _ in pairs)
        alone = fmean(one for _, one in pairs)
        missed = sum(one is None for one, _ in pairs)
        note = f"   {missed} never got there, counted as {EPOCHS}" if missed else ""
        print(f"  {kind:<8} {heir:5.1f} of {alone:5.1f} epochs, {heir / alone:.2f}{note}")


if __name__ == "__main__":
    main()
