"""What each of several processes sees of a training in shards, found in one team for many tests."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import torch
from train.killing import SERVER, done
from train.specs import CLASSIFIER, data, made

PLAIN = CLASSIFIER.replace("{dropout: 0.2}, ", "").replace("{batch_norm, name: norm}, ", "")
ADAMW = "{adamw: {lr: 1.0e-2}}"
LEARNT = [
    "name: head}]",
    "name: head}, {weight: {value: 1.0}, name: warmth}, {mul: [head, warmth]}]",
]
MORE = "  clip: 0.05\n  clip_weights: 0.3\n  accumulate: 2\n  average: 0.9\n"
TURNS = 3


def texts() -> dict[str, str]:
    """One spec for each optimiser that moves weights in shards, and for what else happens to them."""
    from archc_train.learner import WHOLE
    from archc_train.optimizers import known

    found = {}
    for name, kind in known().items():
        if kind not in WHOLE:
            more = ", others: sgd" if name == "muon" else ""
            found[name] = PLAIN.replace(ADAMW, f"{{{name}: {{lr: 1.0e-2{more}}}}}")
    whole = PLAIN.replace(*LEARNT)  # its warmth has no axis to be cut along
    return {
        **found,
        "all at once": whole + MORE,
        "by value": whole + "  clip: {value: 0.01}\n",
        "each by its own rule": whole.replace("lr: 1.0e-2", "lr: 1.0e-2, exempt: true"),
        "blocks that give views": PLAIN.replace(
            "relu,", "relu, {repeat: 9, name: h, do: [{linear: 12}, "
            "{reshape: {shape: [N, 3, 4]}}, {linear: 4}, flatten]}, relu,"
        ),
        "tied": PLAIN.replace(
            "{linear: 3", "{linear: {out: 12, bias: false}, name: again}, "
            "{linear: {out: 12, bias: false}, tie: {weight: again.weight}, name: twin}, {linear: 3"
        ),
    }  # fmt: skip


def trained(text: str) -> Any:
    """A loop after some turns."""
    from archc_train.device import Device
    from archc_train.loop import Loop
    from archc_train.trainee import Trainee

    program, training, graphs = made(text)
    one = Loop(Trainee(program, graphs, None, 0), training, graphs, data(), Device(cpu=True))
    for _ in range(TURNS):
        one.next_turn()
    return one


def told(folder: Path) -> list[dict[str, Any]]:
    """What two processes found, each its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    members = [SERVER.Process(target=member, args=(rank, port, str(folder))) for rank in (0, 1)]
    for one in members:
        one.start()
    assert [done(one) for one in members] == [0, 0]
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in (0, 1)]


def member(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    given = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_PORT": port}
    more = {"MASTER_ADDR": "127.0.0.1", "ACCELERATE_USE_CPU": "true", "ACCELERATE_USE_FSDP": "true"}
    os.environ.update({name: str(value) for name, value in {**given, **more}.items()})
    found = {"ends": ends(), "held": held(), "skipped": skipped(rank), "raised": raised(rank)}
    torch.save(found, Path(folder) / f"{rank}.pt")
    torch.distributed.destroy_process_group()


def ends() -> dict[str, dict[str, Any]]:
    """Every spec's state after its turns: whole tensors where they are kept, None elsewhere."""
    return {name: trained(text).state() for name, text in texts().items()}


def held() -> dict[str, list[int]]:
    """How many numbers of a weight, its gradient's moments and its average are here."""
    from archc_train.shards import local

    one = trained(PLAIN + "  average: 0.9\n")
    learner = one.learners["train"]
    weights = learner.parameters
    moments = [
        sum(local(learner.optimizers[0].state[value][key]).numel() for value in weights.values())
        for key in ("exp_avg", "exp_avg_sq")
    ]
    return {
        "weights": [local(value).numel() for value in weights.values()],
        "moments": moments,
        "averages": [local(learner.average.values[name]).numel() for name in weights],
    }


def skipped(rank: int) -> tuple[bool, bool]:
    """Whether a step is made of gradients that ran over in one share; whether weights moved."""
    one = trained(PLAIN)
    device = one.device
    device.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    parameters = one.learners["train"].parameters
    before = {name: value.to_local().clone() for name, value in parameters.items()}
    step = device.step

    def overrun(optimizers: Any, clip: Any) -> bool:
        if rank == 1:
            parameters["fc.weight"].grad.to_local().fill_(float("inf"))
        return bool(step(optimizers, clip))

    results = []
    device.step = lambda *given: results.append(overrun(*given)) or results[-1]
    one.next_turn()
    after = {name: value.to_local() for name, value in parameters.items()}
    return results[0], not all(torch.equal(after[name], before[name]) for name in before)


def raised(rank: int) -> tuple[str, ...]:
    """What is told of a loss that is not finite in one process alone."""
    from archc.errors import CheckError

    one = trained(PLAIN)
    values = one.draw()
    if rank == 1:
        values["x"] = values["x"].clone().fill_(float("nan"))
    try:
        one.backward(one.learners["train"], values)
    except CheckError as error:
        notes: tuple[str, ...] = error.diagnostics[0].notes
        return notes
    return ()
