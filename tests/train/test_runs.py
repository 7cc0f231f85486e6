"""Runs from the command line: what they leave, how they go on, and what they are good for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from train.specs import DIGITS, weights, written

from archc.cli.main import main
from archc.pipeline import compile
from archc.store import stored
from archc.weights import open_weights

LEFT = {
    "best.safetensors", "last.pt", "log.jsonl", "loss.png", "report.html", "run.json", "spec.yaml",
    "weights.safetensors", "tensorboard",
}  # fmt: skip

TEXT = """
archc: 1
name: net
inputs: {tokens: {shape: [N, T], dtype: int64}}
graph: [{embedding: {num: 4, dim: 4}}, {linear: 4}]
outputs: {logits: prev}
train:
  data: {text: {window: 8}}
  batch: 4
  steps: 1
  loss: {cross_entropy: [logits, next]}
  optimizer: adam
"""


TABLE = """
archc: 1
name: net
params: {kind: csv}
inputs: {x: [N, 2]}
graph: [{linear: 2}]
outputs: {logits: prev}
train:
  data: SOURCE
  batch: 4
  steps: 2
  loss: {cross_entropy: [logits, label]}
  optimizer: adam
"""


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def records(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]


def test_a_run_leaves_all_it_should(whole: Path) -> None:
    assert {path.name for path in whole.iterdir()} == LEFT
    log = records(whole)
    assert any("val.accuracy" in line for line in log)
    assert [line["turn"] for line in log] == sorted(line["turn"] for line in log)
    assert log[-1]["epoch"] == 2
    about = json.loads((whole / "run.json").read_text())
    assert about["seed"] == 0
    assert {"python", "torch", "archc", "machine", "command"} <= about["environment"].keys()
    assert list((whole / "tensorboard").glob("events*"))


def test_the_spec_in_a_run_is_resolved(tmp_path: Path) -> None:
    spec, run = written(tmp_path, DIGITS), tmp_path / "run"
    options = ["--set", "out=2", "--steps", "2", "--seed", "5", "--device", "cpu", "-q"]
    assert main(["train", str(spec), "-o", str(run), *options]) == 0
    text = (run / "spec.yaml").read_text()
    assert "out: 2" in text
    assert "labels:" in text
    assert "preprocess:" in text
    about = json.loads((run / "run.json").read_text())
    assert about["changes"] == {"steps": 2, "seed": 5}
    assert about["seed"] == 5


def test_a_run_says_what_it_does_and_what_can_be_done_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, run = written(tmp_path, DIGITS), tmp_path / "run"
    assert main(["train", str(spec), "-o", str(run), "--steps", "40", "--device", "cpu"]) == 0
    out, err = capsys.readouterr()
    assert "net, 1,498 parameters" in err
    assert "digits: 1,455 to train on, 162 to validate, 180 to test" in err
    assert "40 steps, batches of 32" in err
    rows = [line for line in err.splitlines() if line.split()[:1] in (["epoch"], ["0.4444"])]
    head, first = rows
    assert head.split() == ["epoch", "loss", "accuracy", "time"]
    assert [len(head.partition("loss")[0]) + 4] == [
        first.index(first.split()[1]) + len(first.split()[1])
    ]
    assert first.endswith("best")
    best, where = out.splitlines()
    assert best.startswith("best  epoch 0.8889  loss ")
    assert where == run.as_posix()
    assert f"archc build {run.as_posix()}" in err


def test_a_run_without_a_test_part_is_told_what_can_be_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("abc " * 200)
    spec, run = written(tmp_path, TEXT), tmp_path / "run"
    assert main(["train", str(spec), "-o", str(run), "--data", str(tmp_path / "a.txt")]) == 0
    assert f"archc eval {run.as_posix()} --part val " in capsys.readouterr().err
    assert main(["eval", str(run)]) == 2
    assert "help: --part val; there are train, val" in capsys.readouterr().err
    assert main(["eval", str(run), "--part", "val"]) == 0


def test_results_for_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, run = written(tmp_path, DIGITS), tmp_path / "run"
    options = ["-o", str(run), "--steps", "1", "--device", "cpu", "--json"]
    assert main(["train", str(spec), *options]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["run"] == run.as_posix()
    assert found["best"].keys() == {"epoch", "loss", "accuracy"}
    assert err == ""


# ---- going on


@pytest.mark.parametrize(
    "data",
    [
        "{table: t.csv}",
        "{table: {path: sets/../t.csv}}",
        '{table: {path: ="t." + kind}}',
        "mine",
        "{mine: {path: t.csv}}",
    ],
)
def test_paths_in_a_spec_begin_at_its_file_and_hold_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str
) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    for folder in (home / "sets", away):
        folder.mkdir(parents=True)
    rows = "".join(f"{k % 5},{k % 3},{k % 2}\n" for k in range(60))
    (home / "t.csv").write_text("a,b,label\n" + rows)
    text = TABLE.replace("SOURCE", data)
    if "mine" in data:
        text += "data: {mine: {table: t.csv}}  # a remark\n"
    spec = written(home, text)
    monkeypatch.chdir(tmp_path)
    assert main(["train", "home/net.yaml", "-o", "run", "--device", "cpu", "-q"]) == 0
    monkeypatch.chdir(away)
    assert main(["eval", "../run", "--device", "cpu"]) == 0
    assert main(["train", "--resume", "../run", "--device", "cpu", "-q"]) == 0
    assert main(["train", "../run/spec.yaml", "-o", "again", "--device", "cpu", "-q"]) == 0
    assert weights(tmp_path / "run") == weights(away / "again")
    assert spec.read_text() == text


def test_a_finished_run_stays_as_it_is(
    whole: Path, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--resume", str(copy), "--device", "cpu"]) == 0
    told = capsys.readouterr().err
    assert "steps are done" in told
    assert "  epoch  " not in told  # there is no table without rows
    assert weights(copy) == weights(whole)
    assert records(copy) == records(whole)


def test_a_run_is_not_overwritten(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (whole / "run.json").read_bytes()
    assert main(["train", str(whole / "spec.yaml"), "-o", str(whole)]) == 1
    assert "E811" in capsys.readouterr().err
    assert (whole / "run.json").read_bytes() == before


def test_a_run_that_never_began_is_made_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, run = written(tmp_path, DIGITS.replace("digits:", "digit:")), tmp_path / "run"
    command = ["train", str(path), "-o", str(run), "--steps", "2", "--device", "cpu", "-q"]
    assert main(command) == 1
    assert "did you mean 'digits'?" in capsys.readouterr().err
    written(tmp_path, DIGITS)
    assert main(command) == 0
    assert (run / "best.safetensors").exists()
    assert main(command) == 1  # and one that did begin stays
    assert "holds a run already" in capsys.readouterr().err


@pytest.mark.parametrize("there", ["spec.yaml", "weights.safetensors", "best.safetensors"])
def test_what_no_run_wrote_is_not_written_over(
    there: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A spec of one's own, what `archc build` made, the weights of a run that was tidied up."""
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / there).write_text(DIGITS)
    path = folder / "spec.yaml" if there == "spec.yaml" else written(tmp_path, DIGITS)
    assert main(["train", str(path), "--set", "out=3", "-o", str(folder), "-q"]) == 1
    said = capsys.readouterr().err
    assert "E811" in said and "choose another folder: -o" in said
    assert (folder / there).read_text() == DIGITS
    assert [one.name for one in folder.iterdir()] == [there]


HALF = """
archc: 1
name: net
inputs: {x: [N, 4]}
graph: [{cast: bfloat16}, {linear: {out: 8}, name: fc}, {cast: float32}, {linear: 3, name: head}]
outputs: {logits: prev}
train:
  data: {iris: {scale: true}}
  batch: 16
  steps: 4
  loss: {cross_entropy: [logits, label]}
  optimizer: sgd
"""


def test_weights_of_bfloat16_are_trained_and_kept(tmp_path: Path) -> None:
    run = tmp_path / "run"
    given = ["--device", "cpu", "-q"]
    assert main(["train", str(written(tmp_path, HALF)), "-o", str(run), *given]) == 0
    program = compile(run / "spec.yaml")
    with open_weights(run / "best.safetensors") as entries:
        assert str(entries["fc.weight"].type) == "bfloat16[8, 4]"
        kept = entries["fc.weight"].array().copy()
    with stored(program, None, 0) as entries:
        assert not np.array_equal(entries["fc.weight"].array(), kept)
    assert main(["train", "--resume", str(run), *given]) == 0


@pytest.mark.parametrize(
    ("arguments", "help"),
    [
        (["train", "{run}"], "help: archc train --resume {run}"),
        (["eval", "{spec}"], "help: archc train {spec}"),
        (["train", "{spec}", "--data", "digits"], "help: --data is a path"),
    ],
)
def test_what_is_mistaken_for_something_else_is_told_what_it_is(
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    help: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"run": whole, "spec": written(tmp_path, DIGITS)}
    assert main([one.format(**names) for one in arguments]) in (1, 2)
    assert help.format(**names) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("kernel: 3}, name: conv", "kernel: 2}, name: conv", "the network"),
        ("adam: {lr: 3.0e-3}", "adam: {lr: 3.0e-4}", "the settings"),
        ("normalize: true", "normalize: true, range: [0, 500]", "the data"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(
    copy: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, what: str
) -> None:
    spec = copy / "spec.yaml"
    assert old in spec.read_text()
    spec.write_text(spec.read_text().replace(old, new))
    before = (copy / "last.pt").read_bytes()
    assert main(["train", "--resume", str(copy), "--device", "cpu", "-q"]) == 1
    said = capsys.readouterr().err
    assert "E811" in said
    assert what in said
    assert (copy / "last.pt").read_bytes() == before


def test_comments_in_a_runs_spec_may_change(copy: Path) -> None:
    spec = copy / "spec.yaml"
    spec.write_text(spec.read_text() + "# a remark\n")
    assert main(["train", "--resume", str(copy), "--device", "cpu", "-q"]) == 0


@pytest.mark.parametrize("content", [b"", b"\x80\x02}q\x00.", b"PK\x03\x04 cut off"])
def test_what_is_no_checkpoint_is_refused(
    copy: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    (copy / "last.pt").write_bytes(content)
    assert main(["train", "--resume", str(copy), "--device", "cpu", "-q"]) == 1
    assert "E811" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["train"], 2),
        (["train", "--resume", "{run}", "--epochs", "9"], 2),
        (["train", "--resume", "{run}", "--set", "out=8"], 2),
        (["train", "{run}/spec.yaml", "--batch", "0"], 2),
        (["train", "{run}/spec.yaml", "--epochs", "nan"], 2),
        (["train", "{run}/spec.yaml", "--seed", "-1"], 2),
        (["train", "{run}/spec.yaml", "--resume", "{run}"], 2),
        (["train", "--resume", "{run}/none"], 1),
        (["eval", "{run}/none"], 1),
        (["build", "{run}", "--set", "out=8"], 2),
        (["sample", "{run}"], 2),
    ],
)
def test_wrong_usage_is_said(
    whole: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    assert main([one.format(run=whole) for one in arguments]) == code
    assert "error[E" in capsys.readouterr().err


# ---- what a run is good for


def test_a_run_is_measured(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {}
    for part in ("train", "val", "test"):
        assert main(["eval", str(whole), "--part", part, "--json", "--device", "cpu"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["part"] == part and told["items"] > 100
        found[part] = told["numbers"]
    assert found["train"]["accuracy"] > 0.8
    assert len({one["loss"] for one in found.values()}) == 3
    best = max(
        (line for line in records(whole) if "val.loss" in line), key=lambda r: r["val.accuracy"]
    )
    assert found["val"]["accuracy"] == best["val.accuracy"]
    assert found["val"]["loss"] == pytest.approx(best["val.loss"], rel=1e-6)


def test_a_run_is_measured_on_other_data(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = (digits.images[:100] * (255 / 16)).round().astype(np.uint8)
    label = digits.target[:100]
    arrays = {
        "whole": {"image": images, "label": label},
        "few": {"image": images[:9], "label": label[:9]},  # fewer than a batch
        "held_out": {"x_test": images[:30], "y_test": label[:30]},
        "parts": {
            "x_train": images[30:], "y_train": label[30:],
            "x_test": images[:30], "y_test": label[:30],
        },
    }  # fmt: skip
    for name, held in arrays.items():
        np.savez(tmp_path / f"{name}.npz", **held)
    for name, part, found in [
        ("whole", None, ("all", 100)), ("few", None, ("all", 9)), ("whole", "test", ("test", 10)),
        ("held_out", None, ("test", 30)), ("held_out", "test", ("test", 30)),
        ("parts", None, ("test", 30)), ("parts", "train", ("train", 70)),
        ("parts", "val", ("val", 7)),
    ]:  # fmt: skip
        arguments = ["eval", str(whole), "--data", str(tmp_path / f"{name}.npz"), "--json"]
        asked = ["--part", part] if part else []
        assert main([*arguments, *asked, "--device", "cpu"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["part"], told["items"]) == found, name
        assert told["numbers"]["accuracy"] > 0.7, name
    assert main(["eval", str(whole), "--data", str(tmp_path / "few.npz"), "--device", "cpu"]) == 0
    assert "few.npz, whole: 9 items" in capsys.readouterr().out
    held = str(tmp_path / "held_out.npz")
    assert main(["eval", str(whole), "--data", held, "--part", "val", "--device", "cpu"]) == 2
    assert "there are test" in capsys.readouterr().err


def test_a_run_is_built_exported_and_verified(whole: Path, tmp_path: Path) -> None:
    import onnx

    assert main(["build", str(whole), "-o", str(tmp_path / "out"), "-q"]) == 0
    assert weights(tmp_path / "out") == weights(whole, "best.safetensors")
    assert main(["export", str(whole), "-o", str(tmp_path / "net.onnx")]) == 0
    assert main(["verify", str(whole), "-q"]) == 0
    for path in (tmp_path / "out" / "model.onnx", tmp_path / "net.onnx"):
        told = {one.key: one.value for one in onnx.load(path).metadata_props}
        assert json.loads(told["archc.labels"]) == [str(k) for k in range(10)]
        assert json.loads(told["archc.preprocess"])["size"] == [8, 8]


def test_raw_rows_are_scaled_as_the_training_data_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np

    from archc_train.data import load

    data = {"table": {"path": str(tmp_path / "t.csv"), "scale": True}}
    rows = "".join(f"{1000 + k % 5},{k % 3},{k % 2}\n" for k in range(60))
    (tmp_path / "t.csv").write_text("a,b,label\n" + rows)
    spec, run = written(tmp_path, TABLE.replace("SOURCE", json.dumps(data))), str(tmp_path / "run")
    assert main(["train", str(spec), "-o", run, "--device", "cpu", "-q"]) == 0
    assert main(["build", run, "-o", str(tmp_path / "out"), "-q"]) == 0
    (tmp_path / "row.json").write_text("[1003, 2]")
    known = load(data, {}, 0).facts["scale"]["x"]
    row = (np.array([[1003, 2]]) - known["mean"]) / known["deviation"]
    np.save(tmp_path / "row.npy", row.astype(np.float32))
    found = []
    for network, file in ((run, "row.json"), (run, "row.npy"), (str(tmp_path / "out"), "row.json")):
        capsys.readouterr()
        assert main(["run", network, str(tmp_path / file), "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out)["logits"]["values"])
    assert found[0] == found[1] == found[2]


def test_a_run_that_came_to_no_weights_says_so(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / "best.safetensors").unlink()
    for verb in ("eval", "build", "export"):
        assert main([verb, str(copy)]) == 1
        assert "--resume" in capsys.readouterr().err
