"""Imported by the process that killing.py forks searches from: makes one, so all is imported."""

from __future__ import annotations

import tempfile
from pathlib import Path

import sklearn.gaussian_process  # noqa: F401
from search import standin

from archc.search.start import Staff, go_on

with tempfile.TemporaryDirectory() as folder:
    study = standin.begun(Path(folder), standin.SPEC.replace("trials: 12", "trials: 2"))
    go_on(study, Staff(workers=0))
    study.close()
