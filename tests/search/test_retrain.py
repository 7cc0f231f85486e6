"""`archc study retrain`: what a search found, trained as its spec says, built, and measured."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from search import standin
from sklearn.datasets import load_digits

from archc.cli.main import main
from archc.pipeline import compile
from archc.search.record import front
from archc.search.study import Study
from archc_train.loop import Loop

SPEC = """\
archc: 1
name: net
params:
  width: 4  # of the convolution
inputs: {image: [N, 1, 8, 8]}
graph:
  - {conv2d: {out: =width, kernel: 3}, name: conv}
  - relu
  - flatten
  - {linear: 10, name: head}
outputs: {logits: prev}
train:
  data: digits
  batch: 32
  epochs: 3
  loss: {cross_entropy: [logits, label]}
  optimizer: {adamw: {lr: 3.0e-3}}
  schedule: cosine
  metrics: {accuracy: [logits, label]}
  best: accuracy
search:
  vary: {width: [2, 4, 6, 8]}
  objectives: {maximize: accuracy, minimize: params}
  budget: {trials: 3}
  evaluate: {epochs: 0.5, inherit: true}
"""


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study by short trainings, on data that the command named by where it was given."""
    folder = tmp_path_factory.mktemp("retrain")
    digits = load_digits()
    images, labels = (digits.images * 15).astype(np.uint8), digits.target
    parts = {"train": slice(0, 500), "test": slice(500, 700)}
    arrays = {f"x_{name}": images[part] for name, part in parts.items()}
    arrays |= {f"y_{name}": labels[part] for name, part in parts.items()}
    np.savez(folder / "own.npz", **arrays)
    standin.written(folder, SPEC)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        given = ("--data", "own.npz", "--workers", "0", "--device", "cpu", "-q")
        assert main(["search", "net.yaml", "-o", "study", *given]) == 0
    return folder / "study"


def said(*arguments: str) -> Any:
    """What the verb says as JSON."""
    told = io.StringIO()
    with redirect_stdout(told):
        assert main(["study", "retrain", *arguments, "--json"]) == 0
    return json.loads(told.getvalue())


@pytest.fixture(scope="module")
def finals(searched: Path) -> Any:
    """Its front, retrained into the study, as the verb tells it."""
    return said(str(searched), "--front")


def failed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    capsys.readouterr()
    code = main(["study", *arguments])
    return code, capsys.readouterr().err


def weights(folder: Path) -> bytes:
    return (folder / "best.safetensors").read_bytes()


def test_the_winner_is_trained_as_its_spec_alone_would_be(
    searched: Path, finals: Any, tmp_path: Path
) -> None:
    """From first weights, for all of its epochs, on the study's data: to the bit."""
    found = finals[0]
    run, build = Path(found["run"]), Path(found["build"])
    name = f"{found['trial']:04}"
    assert (run, build) == (searched / "runs" / name, searched / "runs" / name / "build")
    data = json.loads((searched / "study.json").read_text())["evaluator"]["options"]["data"]
    assert Path(data).is_absolute()
    assert main(["study", "export", str(searched), name, "-o", str(tmp_path)]) == 0
    spec, alone = str(tmp_path / f"{name}.yaml"), tmp_path / "alone"
    given = ("--data", data, "--device", "cpu", "-q")
    assert main(["train", spec, "-o", str(alone), *given]) == 0
    assert weights(run) == weights(alone)
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert log[-1]["epoch"] == 3.0
    best = max(one["val.accuracy"] for one in log if "val.accuracy" in one)
    assert found["val"]["accuracy"] == best > found["searched"]["accuracy"]  # of half an epoch
    with redirect_stdout(io.StringIO()) as told:
        assert main(["eval", str(run), "--device", "cpu", "--json"]) == 0
    assert found["test"] == json.loads(told.getvalue())["numbers"]
    assert main(["build", str(run), "-o", str(tmp_path / "built"), "-q"]) == 0
    for file in ("model.onnx", "model.py", "weights.safetensors", "spec.yaml"):
        assert (build / file).read_bytes() == (tmp_path / "built" / file).read_bytes()
    assert found["parity"].keys() == {"net"} and found["parity"]["net"] < 1e-4
    assert found["params"] == compile(spec).params == found["searched"]["params"]


def test_what_is_done_is_kept_and_shown_as_a_table(
    searched: Path, finals: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a number it is the best; the second time nothing is trained."""
    study = Study.open(searched)
    members = front(study.records, study.search.objectives)
    study.close()
    assert [one["trial"] for one in finals] == [one.number for one in members] and len(finals) > 1
    files = {path: path.stat().st_mtime_ns for path in (searched / "runs").rglob("*")}
    for chosen, count in ((["--front"], len(finals)), ([], 1)):
        assert main(["study", "retrain", str(searched), *chosen, "-q"]) == 0
        head, _, *rows = capsys.readouterr().out.splitlines()
        assert re.split(r" {2,}", head) == [
            "trial", "accuracy in search", "on val", "on test", "params", "macs",
        ]  # fmt: skip
        assert len(rows) == 2 * count
        for one, row, built in zip(finals, rows, rows[count:], strict=False):
            accuracies = [one[part]["accuracy"] for part in ("searched", "val", "test")]
            assert row.split()[:4] == [str(one["trial"]), *(f"{each:.5g}" for each in accuracies)]
            assert built.startswith(f"{one['build']}: PyTorch and onnxruntime agree to ")
    assert {path: path.stat().st_mtime_ns for path in (searched / "runs").rglob("*")} == files


def test_what_was_exported_and_changed_is_in_nobody_s_way(
    searched: Path, finals: Any, tmp_path: Path
) -> None:
    """Candidates are trained as the study knows them."""
    number = str(finals[-1]["trial"])
    assert main(["study", "export", str(searched), number]) == 0
    path = searched / "specs" / f"{int(number):04}.yaml"
    path.write_text(path.read_text("utf-8") + "# mine\n", encoding="utf-8")
    (found,) = said(str(searched), number, "-o", str(tmp_path / "my runs"))
    assert found["test"] == finals[-1]["test"]
    assert path.read_text("utf-8").endswith("# mine\n")
    path.unlink()


def test_what_was_stopped_is_gone_on_with(
    searched: Path, finals: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """By Ctrl-C in the training, or killed after it, before all else was done."""
    number, next_turn = str(finals[0]["trial"]), Loop.next_turn
    run = tmp_path / "my runs" / f"{finals[0]['trial']:04}"

    def interrupted(self: Loop) -> Any:
        if self.turn == 17:
            os.kill(os.getpid(), signal.SIGINT)
        return next_turn(self)

    given = (str(searched), number, "-o", str(tmp_path / "my runs"))
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "next_turn", interrupted)
        code, err = failed(capsys, "retrain", *given, "-q")
    assert code == 130 and "stopped after turn 18 of" in err
    assert f"go on: archc study retrain {shlex.join(given)}" in err
    for _ in range(2):
        (found,) = said(*given)
        assert weights(run) == weights(Path(finals[0]["run"]))
        assert {**found, "run": "", "build": ""} == {**finals[0], "run": "", "build": ""}
        (run / "outcome.json").unlink()
        shutil.rmtree(run / "build")


def scored(candidate: Any) -> dict[str, float]:
    width = float(candidate.parameters["width"])
    return {"accuracy": width / 100, "latency_ms": 1e6 - width}


def test_the_clock_looks_at_what_was_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever scored the candidates, they are trained if their spec says how."""
    text = SPEC.replace("minimize: params", "minimize: latency_ms").replace("epochs: 3", "steps: 4")
    spec, folder = str(standin.written(tmp_path, text)), str(tmp_path / "s")
    function = ("--evaluate", "search.test_retrain:scored", "--workers", "0", "-q")
    assert main(["search", spec, "-o", folder, *function]) == 0
    (found,) = said(folder)
    assert found["searched"]["latency_ms"] > 1e5 > found["latency_ms"] > 0
    capsys.readouterr()
    assert main(["study", "retrain", folder]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split()[-1] == "latency_ms"
    assert err.startswith(f"trial {found['trial']}  accuracy ")


# ---- what is installed

WITHOUT = """\
import sys
sys.modules[{package!r}] = None
from archc.cli.main import main
sys.exit(main(["search", "net.yaml", "-q", "--trials", "1", "--workers", "0", "--device", "cpu"]))
"""


@pytest.mark.parametrize(("package", "needed"), [("onnxruntime", False), ("accelerate", True)])
def test_a_training_needs_no_runtime_and_says_what_it_needs(
    package: str, needed: bool, tmp_path: Path
) -> None:
    standin.written(tmp_path, SPEC.replace("epochs: 3", "steps: 4"))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(package=package)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert bool(done.returncode) is needed, done.stderr
    if needed:
        assert f"[E510]: this needs the package '{package}'" in done.stderr


# ---- what does not fit


def test_a_study_that_knows_no_training_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = str(standin.written(tmp_path))
    function, folder = ("--evaluate", "search.standin:score", "--workers", "0"), tmp_path / "s"
    assert main(["search", spec, "-o", str(folder), "-q", "--trials", "2", *function]) == 0
    code, err = failed(capsys, "retrain", str(folder), "1")
    assert code == 1 and "error[E866]" in err and "trial 1" in err
    assert "candidates were scored by search.standin:score" in err
    assert f"archc study export {folder} 1" in err
    rows = "\n".join(f"{k},{k}" for k in range(1, 5))
    (tmp_path / "seen.csv").write_text(f"width,score\n{rows}\n")
    text = standin.SPEC.replace("width: {int: [1, 40]}, depth: {int: [1, 6]}", "width: [1, 2, 3]")
    spec = str(standin.written(tmp_path, text.replace(", act: [relu, tanh, gelu]", "")))
    table = ("--table", str(tmp_path / "seen.csv"), "--trials", "2", "--strategy", "random")
    assert main(["search", spec, "-o", str(tmp_path / "t"), "-q", *table]) == 0
    code, err = failed(capsys, "retrain", str(tmp_path / "t"))
    assert code == 1 and "error[E866]" in err and "looked up in seen.csv" in err


def test_a_run_of_something_else_is_left_alone(
    searched: Path, finals: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is trained before all of them are known to be right."""
    other, last = tmp_path / "other", f"{finals[-1]['trial']:04}"
    spec = str(standin.written(tmp_path, SPEC.replace("width: 4", "width: 5")))
    given = ("--steps", "2", "--device", "cpu", "-q")
    assert main(["train", spec, "-o", str(other / last), *given]) == 0
    before = weights(other / last)
    code, err = failed(capsys, "retrain", str(searched), "--front", "-o", str(other))
    assert code == 1 and "error[E811]" in err and "a run of something else" in err
    assert weights(other / last) == before and len(list(other.iterdir())) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["retrain", "STUDY", "99"], "E864", "no trial 99"),
        (["retrain", "STUDY", "1", "--front"], "E706", "three ways to choose"),
        (["retrain", "STUDY", "--all"], "E706", "--all is for show and lineage, not for retrain"),
        (["show", "STUDY", "1"], "E706", "is for lineage and export and retrain"),
        (["lineage", "STUDY", "1", "2"], "E706", "of one trial"),
    ],
)
def test_wrong_usage_is_said(
    arguments: list[str], code: str, text: str, searched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(searched) if one == "STUDY" else one for one in arguments]
    found, err = failed(capsys, *given)
    assert found == 2 and f"error[{code}]" in err and text in err
