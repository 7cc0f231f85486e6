"""Workers of a Ray cluster: see ray_cluster.py, which this runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from archc.errors import ArchcError

SCRIPT = Path(__file__).with_name("ray_cluster.py")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed"),
]


def test_where_no_cluster_is_it_is_said_at_once() -> None:
    from archc.search.ray_workers import connected

    with pytest.raises(ArchcError, match="no Ray cluster at ray://localhost:1") as error:
        connected("ray://localhost:1")
    assert error.value.diagnostics[0].code == "E863"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Any:
    paths = os.pathsep.join([str(SCRIPT.parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path_factory.mktemp("ray"))],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_lost_node_loses_no_trial(found: Any) -> None:
    lost = found["lost"]
    assert lost["room"] == 2  # as many as the cluster has processors
    assert lost["end"] == "budget" and len(lost["trials"]) == 12
    assert all(one["state"] == "complete" and one["right"] for one in lost["trials"])


def test_a_candidate_that_kills_its_worker_has_failed_there_too(found: Any) -> None:
    trials = found["dying"]["trials"]
    assert len(trials) == 4
    for one in trials:
        assert (one["state"] == "failed") == (one["width"] % 2 == 1)
        assert one["state"] == "complete" or "died (signal 9), twice" in one["why"]


def test_a_wrong_function_ends_the_search_there_too(found: Any) -> None:
    assert found["wrong"] == "search.standin has no 'scoer'"
