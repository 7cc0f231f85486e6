"""Without a backend's package a verb says what to install; the core's own verbs need none."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec

import pytest

from archc import backends
from archc.cli.main import main


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation of the core alone."""

    def find_spec(name: str) -> ModuleSpec | None:
        return None if name in ("torch", "onnxruntime") else importlib.util.find_spec(name)

    monkeypatch.setattr(backends, "find_spec", find_spec)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("verb", ["build", "run", "verify", "bench"])
def test_a_verb_says_what_to_install(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "lenet5"]) == 1
    error = capsys.readouterr().err
    assert "E510" in error
    assert "pip install" in error


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("verb", ["check", "show"])
def test_the_cores_verbs_need_none(verb: str) -> None:
    assert main([verb, "lenet5"]) == 0
