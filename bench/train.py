"""Steps of `archc train` against a loop written by hand over the same module, interleaved.

    python bench/train.py [--networks lenet5 resnet18 gpt] [--seconds 20] [--threads 1]

A round is a handful of steps of each: the hand-written loop, archc's, and the hand-written one
again (A/A). The bound is 0.98 of its speed, a ratio of times of at most 1.02; it holds where the
95 % interval includes or beats it.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

import archc_torch
from archc.ir.dims import symbol
from archc.ir.program import Program
from archc.ir.types import TensorType
from archc.pipeline import compile_text
from archc.train import join, read
from archc_ort import compare
from archc_train.data.part import DataSet, InMemory
from archc_train.device import Device
from archc_train.loop import Loop
from archc_train.trainee import Trainee

SECTION = """
train:
  data: none
  batch: {batch}
  steps: 1000000
  loss: {{cross_entropy: [logits, {target}]}}
  optimizer: {{adamw: {{lr: 1.0e-3}}}}
"""
ITEMS = 512


def images(size: int, channels: int, classes: int) -> dict[str, torch.Tensor]:
    return {
        "image": torch.randn(ITEMS, channels, size, size),
        "label": torch.randint(0, classes, (ITEMS,)),
    }


def tokens(length: int, vocabulary: int) -> dict[str, torch.Tensor]:
    text = torch.randint(0, vocabulary, (ITEMS, length + 1))
    return {"tokens": text[:, :-1].contiguous(), "next": text[:, 1:].contiguous()}


def zoo(name: str, batch: int, target: str, **settings: object) -> Program:
    """A network of the zoo with the bench's own training."""
    from archc.zoo import locate

    path, variant = locate(name)
    text = path.read_text("utf-8").partition("\ntrain:")[0]
    text += SECTION.format(batch=batch, target=target)
    return compile_text(text, variant=variant, set=settings)


NETWORKS: dict[str, Callable[[], tuple[Program, dict[str, torch.Tensor]]]] = {
    "lenet5": lambda: (zoo("lenet5", 64, "label"), images(32, 1, 10)),
    "resnet18": lambda: (zoo("resnet18", 4, "label"), images(224, 3, 1000)),
    "gpt": lambda: (
        zoo("gpt2", 8, "next", layers=4, dim=128, heads=4, vocab=65, context=128),
        tokens(128, 65),
    ),
}


def ours(program: Program, fields: dict[str, torch.Tensor]) -> Callable[[], object]:
    training = read(program)
    n = symbol("N")
    types = {
        name: TensorType(str(v.dtype).removeprefix("torch."), (n, *v.shape[1:]))
        for name, v in fields.items()
    }
    data = DataSet("random", dict.fromkeys(("train", "val"), InMemory(fields)), types)
    graphs = join(program, training, types)
    trainee = Trainee(program, graphs, None, 0)
    return Loop(trainee, training, graphs, data, Device(cpu=True)).next_turn


def by_hand(program: Program, fields: dict[str, torch.Tensor]) -> Callable[[], object]:
    """What one would write: an epoch's permutation, batches by index, forward, backward, step."""
    training = read(program)
    module = archc_torch.module(program).train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    inputs, target = list(fields.values())
    state: dict[str, Any] = {"order": torch.randperm(ITEMS), "place": 0}

    def step() -> None:
        if state["place"] + training.batch > ITEMS:
            state.update(order=torch.randperm(ITEMS), place=0)
        picked = state["order"][state["place"] : state["place"] + training.batch]
        state["place"] += training.batch
        logits = module(inputs[picked])
        wanted = target[picked]
        if logits.ndim == 3:
            logits, wanted = logits.flatten(0, 1), wanted.flatten()
        loss = F.cross_entropy(logits, wanted)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    torch.set_num_threads(args.threads)
    for name in args.networks:
        program, fields = NETWORKS[name]()
        runs = {
            "by hand": by_hand(program, fields),
            "archc": ours(program, fields),
            "by hand again": by_hand(program, fields),
        }
        print(f"{name}: time of a step; bound 1.02")
        for row in compare(runs, seconds=args.seconds):
            print(
                f"  {row.name:<16} {row.median * 1e3:8.2f} ms   ratio {row.ratio:.3f}"
                f"   95 % {row.ratio_low:.3f} to {row.ratio_high:.3f}   {row.rounds} rounds"
            )


if __name__ == "__main__":
    main()
