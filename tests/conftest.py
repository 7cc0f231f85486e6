"""What every test shares."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent
REFERENCE = HERE / "reference"

# Every process has one thread: sums come out the same to the bit, and processes run side by side.
os.environ["OMP_NUM_THREADS"] = "1"

# The reference implementations live in an environment of their own (see the Makefile).
collect_ignore = [] if find_spec("torchvision") else ["reference"]

# Timing is the benchmarks' business; a CI run is the same run every time.
settings.register_profile("archc", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("archc")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(REFERENCE):
            item.add_marker(pytest.mark.reference)
