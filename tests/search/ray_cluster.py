"""Searches on a Ray cluster of two nodes on loopback, of which one is killed in the middle.

    python ray_cluster.py FOLDER

Prints what came of them as JSON. Ray lives in a process of its own, as it reads its settings from
the environment when it is imported.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # loopback's address is a node's

from ray.cluster_utils import Cluster
from search import standin

from archc.errors import ArchcError
from archc.search.candidate import Candidate
from archc.search.evaluating import Setup
from archc.search.loop import Loop
from archc.search.ray_workers import RayWorkers
from archc.search.reading import read
from archc.search.record import Record

NODE = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 80 << 20}


def main(folder: Path) -> None:
    logging.getLogger("ray").setLevel(logging.ERROR)
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    second = cluster.add_node(**NODE)
    told: list[Record] = []

    def tell(record: Record) -> None:
        told.append(record)
        if len(told) == 3:
            cluster.remove_node(second, allow_graceful=False)

    try:
        found = {
            "lost": searched(folder / "lost", cluster.address, "slow", 12, None, tell),
            "dying": searched(folder / "dying", cluster.address, "dying", 4, 1),
            "wrong": refused(folder / "wrong", cluster.address),
        }
    finally:
        cluster.shutdown()
    print(json.dumps(found))


def setup(folder: Path, function: str, trials: int) -> tuple[Setup, Candidate]:
    folder.mkdir()
    path = standin.written(folder)
    origin = Candidate.read(standin.SPEC, path)
    search = replace(read(origin), trials=trials)
    name = f"search.standin:{function}"
    return Setup(search, path, folder / "trials", "function", name), origin


def searched(
    folder: Path, address: str, function: str, trials: int, count: int | None, tell: Any = id
) -> dict[str, Any]:
    """How many worked at a time, and what became of each evaluated candidate."""
    given, origin = setup(folder, function, trials)
    crew = RayWorkers(given, address, count, timeout=60)
    try:
        loop = Loop(given.search, standin.Drift(given.search, origin), crew, tell=tell)
        end = loop.run()
    finally:
        crew.close()
    trials_ = [
        {
            "width": one.parameters["width"], "state": one.state, "why": one.why,
            "right": one.values.get("score")
            == standin.score(origin.with_values(dict(one.parameters))),
        }
        for one in loop.records if one.evaluated
    ]  # fmt: skip
    return {"end": end, "room": crew.room, "trials": trials_}


def refused(folder: Path, address: str) -> str:
    try:
        searched(folder, address, "scoer", 4, 1)
    except ArchcError as error:
        return error.diagnostics[0].message
    return ""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
