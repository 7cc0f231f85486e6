"""How runs stop: asked to, at once, where the disk is full, and where a loss is not finite."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from train import killing
from train.specs import DIGITS, weights, written

from archc.cli.main import main
from archc_train.device import Device
from archc_train.run import Run


def test_ctrl_c_saves_and_says_how_to_go_on(whole: Path, tmp_path: Path) -> None:
    spec, run, said = written(tmp_path, DIGITS), tmp_path / "run", tmp_path / "said"
    process = killing.command(
        ["train", str(spec), "-o", str(run), "--device", "cpu"], said, slow=0.03
    )
    killing.until(
        lambda: "epoch" in (said.read_text() if said.exists() else "") or run_has_log(run)
    )
    os.kill(process.pid, signal.SIGINT)
    assert killing.done(process) == 130
    assert "stopped after turn" in said.read_text()
    assert f"archc train --resume {run.as_posix()}" in said.read_text()
    assert not (run / "weights.safetensors").exists()
    assert main(["train", "--resume", str(run), "--device", "cpu", "-q"]) == 0
    for name in ("weights.safetensors", "best.safetensors"):
        assert weights(run, name) == weights(whole, name)


def run_has_log(run: Path) -> bool:
    return (run / "log.jsonl").exists() and (run / "log.jsonl").stat().st_size > 0


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    spec, run, said = written(tmp_path, DIGITS), tmp_path / "run", tmp_path / "said"
    process = killing.command(
        ["train", str(spec), "-o", str(run), "--device", "cpu", "-q"], said, slow=40
    )
    killing.until((run / "last.pt").exists)
    while process.is_alive():
        os.kill(process.pid, signal.SIGINT)
        process.join(0.3)
    assert killing.done(process) == 130
    assert "stopped at once" in said.read_text()
    assert main(["train", "--resume", str(run), "--device", "cpu", "-q"]) == 0


def test_a_full_disk_leaves_the_old_checkpoint_whole(whole: Path, tmp_path: Path) -> None:
    spec, run, said = written(tmp_path, DIGITS), tmp_path / "run", tmp_path / "said"
    process = killing.begun(spec, run)
    killing.until((run / "last.pt").exists)
    killing.killed_after(process, 0)
    before = (run / "last.pt").read_bytes()
    most = len(before) // 2
    process = killing.command(["train", "--resume", str(run), "--device", "cpu"], said, most=most)
    assert killing.done(process) == 1
    assert (run / "last.pt").read_bytes() == before
    assert "last.pt cannot be written" in said.read_text()
    assert f"archc train --resume {run.as_posix()}" in said.read_text()
    assert main(["train", "--resume", str(run), "--device", "cpu", "-q"]) == 0
    assert weights(run) == weights(whole)


@pytest.mark.parametrize("instant", [True, False])
def test_a_loss_that_is_not_finite_stops_the_run_and_spares_the_checkpoint(
    instant: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where losses are looked at later, as on a GPU: the turns are made again."""
    begin = Device.__init__

    def init(self: Device, *given: object, **options: object) -> None:
        begin(self, *given, **options)
        self.instant = instant

    monkeypatch.setattr(Device, "__init__", init)
    text = DIGITS.replace("adam: {lr: 3.0e-3}", "sgd: {lr: 1.0e+38}")
    spec, run = written(tmp_path, text), tmp_path / "run"
    assert main(["train", str(spec), "-o", str(run), "--device", "cpu", "-q"]) == 1
    said = capsys.readouterr().err
    assert "E810" in said
    assert "train: the loss is not finite at step" in said
    assert "of its terms, loss" in said
    assert "every module's output was finite: it is the steps of the loss" in said
    state = Run.open(run).saved()
    assert all(v.isfinite().all() for k, v in state["loop"]["weights"].items() if "weight" in k)
