"""The public surface: what `__all__` names, and nothing by accident."""

from __future__ import annotations

import subprocess
import sys

import pytest

import archc
from archc.zoo import split


def test_the_core_offers_what_all_names() -> None:
    assert sorted(archc.__all__) == [
        "ArchcError", "Diagnostic", "Program", "SpecError", "compile", "compile_text",
    ]  # fmt: skip
    assert all(hasattr(archc, name) for name in archc.__all__)


def test_importing_the_core_costs_nothing() -> None:
    heavy = "{'numpy', 'networkx', 'yaml', 'torch'}"
    code = f"import sys, archc; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_a_program_tells_its_size() -> None:
    program = archc.compile("lenet5")
    assert (program.params, program.macs) == (61_706, 416_520)
    assert archc.compile("lenet5", set={"classes": 7}).params == 61_706 - 3 * 85


def test_a_colon_parts_a_path_from_its_variant_and_a_drive_from_nothing() -> None:
    assert [split(text) for text in (
        "net.yaml", "net.yaml:small", "a/b.yaml:v1.0", "resnet:resnet18", "resnet18",
        r"C:\x.yaml", r"C:\x.yaml:small", "C:/x.yaml", "C:x.yaml", "a:b.yaml:c",
    )] == [
        ("net.yaml", ""), ("net.yaml", "small"), ("a/b.yaml", "v1.0"), ("resnet", "resnet18"),
        ("resnet18", ""), (r"C:\x.yaml", ""), (r"C:\x.yaml", "small"), ("C:/x.yaml", ""),
        ("C:x.yaml", ""), ("a:b.yaml", "c"),
    ]  # fmt: skip


def test_a_spec_is_a_path_a_variant_or_a_zoo_name() -> None:
    by_name = archc.compile("resnet18")
    assert archc.compile("resnet:resnet18").params == by_name.params
    assert archc.compile("resnet", variant="resnet18").params == by_name.params
    with pytest.raises(archc.ArchcError, match="resnet18"):
        archc.compile("resnet81")
