"""What tests of trainings share."""

from __future__ import annotations

from pathlib import Path

import pytest
from train.specs import DIGITS, written

from archc.cli.main import main


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed; tests read it and change nothing in it."""
    folder = tmp_path_factory.mktemp("whole")
    spec = written(folder, DIGITS)
    assert main(["train", str(spec), "-o", str(folder / "run"), "--device", "cpu", "-q"]) == 0
    return folder / "run"
