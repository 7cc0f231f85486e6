"""A whole build of a program: every file made aside, verified, and only then put in place."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from archc import __version__
from archc.backends import backend
from archc.cost import macs
from archc.errors import ArchcError, CheckError, InputError
from archc.files import abandoned, held
from archc.ir.program import Program
from archc.spec.bundle import bundle

Progress = Callable[[str], None]
FORMAT = 1  # of report.json and the folder
UNFINISHED = ".building-"  # how the folder of a build that is not done is called
MADE = (".onnx", ".data", ".py", ".safetensors", ".yaml")  # what a build makes, and its report
PATIENCE = 10  # seconds in which a build that has just begun takes hold of its folder


def build(
    program: Program,
    folder: Path,
    *,
    weights: Any = None,
    seed: int = 0,
    target: str | None = None,
    check: bool = True,
    progress: Progress = lambda stage: None,
) -> dict[str, Any]:
    """Builds into the folder and returns the report.

    Files are made in a folder of their own inside and moved one by one when all is verified, the
    report last; a build that fails or is killed leaves what was there. What an earlier build made
    and this one does not is removed, and what a killed one has left behind. Raises InputError E521
    where nothing can be written, CheckError E650 where PyTorch and onnxruntime disagree.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        aside = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
    except OSError as error:
        raise InputError.of("E521", f"cannot write into {folder}: {error.strerror}") from error
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, aside, ignore_errors=True)
        stack.enter_context(held(aside))
        report = _make(program, aside, weights, seed, target, check, progress)
        names = [path.relative_to(aside) for path in sorted(aside.rglob("*")) if path.is_file()]
        before = listed(folder) - set(names)
        for name in sorted(names, key=place):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (aside / name).replace(folder / name)
        for name in before:
            (folder / name).unlink(missing_ok=True)
    return report


def place(name: Path) -> tuple[bool, bool]:
    """A model's data comes before the model, the report last: a kill leaves nothing by halves."""
    return name.name == "report.json", name.suffix != ".data"


def listed(folder: Path) -> set[Path]:
    """What the report of an earlier build says that it made there, and is there."""
    try:
        files = json.loads((folder / "report.json").read_text("utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()  # there was none, or it is nobody's
    names = [Path(name) for name in files if isinstance(name, str)]
    inside = [name for name in names if not name.is_absolute() and ".." not in name.parts]
    return {name for name in inside if name.suffix in MADE and (folder / name).is_file()}


def remove_leftovers(folder: Path) -> None:
    """Removes what killed builds have left in the folder, and nothing of one that is running."""
    for path in folder.glob(f"{UNFINISHED}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > PATIENCE and abandoned(path):
                shutil.rmtree(path, ignore_errors=True)


def _make(
    program: Program,
    aside: Path,
    weights: Any,
    seed: int,
    target: str | None,
    check: bool,
    progress: Progress,
) -> dict[str, Any]:
    progress("spec")
    bundle(program, aside)
    progress("PyTorch source")
    torch_backend, onnx_backend = backend("torch"), backend("onnx")
    for model in program.models:
        source = aside / file_name(program, model, ".py")
        source.write_text(torch_backend.source(program, model), encoding="utf-8")
    progress("weights")
    stored = aside / "weights.safetensors"
    torch_backend.write_weights(program, stored, weights=weights, seed=seed)
    parity: dict[str, float] = {}
    for model in program.models:
        onnx = aside / file_name(program, model, ".onnx")
        progress(f"ONNX {onnx.name}")
        onnx_backend.export(program, onnx, weights=stored, target=target, model=model)
        if check:
            parity[model] = _verified(
                program, model, onnx, stored, weights is None, target, progress
            )
    report = {
        "format": FORMAT,
        "archc": __version__,
        "name": program.name,
        "digest": program.digest,
        "params": program.params,
        "macs": {model: macs(definition, {}) for model, definition in program.models.items()},
        "inputs": {
            m: {n: str(t) for n, t in d.input_types().items()} for m, d in program.models.items()
        },
        "outputs": {
            m: {n: str(t) for n, t in d.output_types().items()} for m, d in program.models.items()
        },
        "seed": None if weights is not None else seed,
        "target": target,
        "parity": parity,
        "files": {
            path.relative_to(aside).as_posix(): path.stat().st_size
            for path in sorted(aside.rglob("*"))
            if path.is_file()
        },
    }
    (aside / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return report


def file_name(program: Program, model: str, suffix: str) -> str:
    """A model's file, which bears its name where there are several."""
    return f"model{suffix}" if len(program.models) == 1 else f"{model}{suffix}"


def _verified(
    program: Program,
    model: str,
    onnx: Path,
    stored: Path,
    initial: bool,
    target: str | None,
    progress: Progress,
) -> float:
    """The largest difference between the backends, of the file as it is built for its target.

    Initial weights may hide an error, so that those are tried with lively ones, too.
    """

    def show(stage: str) -> None:
        progress(f"verify {model}: {stage}")

    ort = backend("ort")
    given = {"model": model, "target": target, "progress": show}
    verdicts = [ort.verify(program, onnx, weights=stored, **given)]
    if initial:
        verdicts.append(ort.verify(program, **given))
    for verdict in verdicts:
        if not verdict.passed:
            raise _differs(model, verdict)
    return max(float(verdict.difference) for verdict in verdicts)


def _differs(model: str, verdict: Any) -> ArchcError:
    culprit = verdict.culprit
    where = f"first at {culprit.path} ({culprit.op}, {culprit.place})" if culprit else ""
    return CheckError.of(
        "E650",
        f"{model}: PyTorch and onnxruntime differ by {verdict.difference:.1e}",
        notes=[where] if where else [],
        help="this is a bug in archc, or an input out of an op's range: please report it",
    )
