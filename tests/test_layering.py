"""What may import what: the core knows no backend, and every foreign library has one home."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "archc"
BACKENDS = ROOT / "backends"

RUNTIMES = {"torch", "onnx", "onnxruntime"}
BACKEND_NAMES = {"archc_torch", "archc_onnx", "archc_ort", "archc_train"}
PROTOBUF_MODULES = {"protobuf.py", "encode.py", "writer.py", "model.py"}
# Where a distribution and what one imports from it are named differently.
IMPORT_NAMES = {"pyyaml": "yaml", "ruamel.yaml": "ruamel", "scikit-learn": "sklearn"}
SEARCH_ONLY = {"optuna", "psutil", "ray", "sklearn", "sqlalchemy"}  # imported where they are used


def modules(*folders: Path) -> list[Path]:
    """Every Python file below the folders, in one order."""
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def imported(text: str | bytes, package: tuple[str, ...]) -> Iterator[str]:
    """The dotted names that a module of `package` imports, wherever in it.

    `from a import b` gives a and a.b.
    """
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                above = package[: len(package) - level + 1] if level else ()
                origin = ".".join((*above, module) if module else above)
                yield origin
                yield from (f"{origin}.{alias.name}" for alias in names)
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name


def imports_of(path: Path) -> list[str]:
    base = ROOT if path.is_relative_to(CORE) else BACKENDS
    return list(imported(path.read_bytes(), path.relative_to(base).parent.parts))


def mentioned(path: Path) -> Iterator[str]:
    """The plain names, attributes and imported names in a file's code."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                yield name.rpartition(".")[2]


def offenders(paths: list[Path], banned: set[str]) -> list[str]:
    """`file: name` of each import of a banned module or of anything inside one."""
    pattern = re.compile(rf"(?:{'|'.join(map(re.escape, sorted(banned)))})(?:\.|$)")
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in paths
        for name in imports_of(path)
        if pattern.match(name)
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import torch.nn", ["torch.nn"]),
        ("def f():\n    from torch import nn", ["torch", "torch.nn"]),
        ("from . import graph", ["archc.ir", "archc.ir.graph"]),
        ("from ..spec.ast import Spec", ["archc.spec.ast", "archc.spec.ast.Spec"]),
        ("importlib.import_module('torch')", ["torch"]),
    ],
)
def test_imports_are_found_however_they_are_written(text: str, names: list[str]) -> None:
    assert list(imported(text, ("archc", "ir"))) == names


def test_the_core_imports_no_runtime_and_no_backend() -> None:
    assert offenders(modules(CORE), RUNTIMES | BACKEND_NAMES) == []


def declared(*extras: str) -> set[str]:
    """What the project's dependencies, and those of its extras, are imported as."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    names = (re.match(r"[\w.-]+", line)[0].lower() for line in lines)
    return {IMPORT_NAMES.get(name, name) for name in names} | {"archc"}


def test_the_core_imports_only_what_it_declares() -> None:
    """Search has an extra of its own, and imports it where it is used."""
    for folder, extras in ((CORE, ()), (CORE / "search", ("search", "ray"))):
        paths = [path for path in modules(folder) if extras or CORE / "search" not in path.parents]
        used = {name.partition(".")[0] for path in paths for name in imports_of(path)}
        assert used - declared(*extras) - sys.stdlib_module_names == set()


def test_networkx_is_known_to_one_module() -> None:
    paths = [path for path in modules(CORE, BACKENDS) if path != CORE / "ir" / "graph.py"]
    assert offenders(paths, {"networkx"}) == []


def test_protobuf_is_known_to_the_writer_alone() -> None:
    home = BACKENDS / "archc_onnx"
    paths = [
        path
        for path in modules(CORE, BACKENDS)
        if path.parent != home or path.name not in PROTOBUF_MODULES
    ]
    assert offenders(paths, {"google.protobuf", "archc_onnx.protobuf"}) == []
    messages = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in paths
        for name in mentioned(path)
        if name.endswith("Proto") or name == "onnx_ml_pb2"
    ]
    assert messages == []


IMPORT_ALL = """
import importlib, pkgutil, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"the core asked for {name}", name=name)

sys.meta_path.insert(0, Blocked())
import archc

count = 0
for module in pkgutil.walk_packages(archc.__path__, "archc."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
        count += 1
print(count)
"""


def test_the_core_imports_where_no_runtime_is_installed() -> None:
    program = f"BLOCKED = {sorted(RUNTIMES | BACKEND_NAMES | SEARCH_ONLY)}\n{IMPORT_ALL}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0
