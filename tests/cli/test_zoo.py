"""`archc zoo`: every spec that comes with archc, by its name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from archc import catalog
from archc.zoo import locate, names


def test_every_network_is_listed_once_under_a_name_that_means_it(archc) -> None:
    code, out, err = archc("zoo")
    assert (code, err) == (0, "")
    listed = [line.split()[0] for line in out.splitlines()[2:-1]]
    assert len(set(listed)) == len(listed)
    assert {"resnet50", "gpt2", "lenet5", "unet"} <= set(listed)
    assert "resnet" not in listed
    meant = {locate(name) for name in listed}
    every = set(names().values())
    with_variants = {path for path, variant in every if variant is not None}
    assert meant == {(p, v) for p, v in every if v is not None or p not in with_variants}


def test_what_a_network_is_for_costs_and_was_published_in_stands_beside_it(archc) -> None:
    out = archc("zoo", "resnet").out
    first = next(line for line in out.splitlines() if line.startswith("resnet18"))
    assert first.split("  ")[0] == "resnet18"
    for part in ("image classification", "11.7 M", "1.81 G", "He et al., 2016",
                 "Deep residual learning for image recognition"):  # fmt: skip
        assert part in first
    second = next(line for line in out.splitlines() if line.startswith("resnet34"))
    assert second.split() == ["resnet34", "21.8", "M", "3.66", "G"]  # the rest is as above


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        (["resnet1"], ["resnet18", "resnet101", "resnet152"]),
        (["VGG"], [f"vgg{n}{norm}" for norm in ("", "_bn") for n in (11, 13, 16, 19)]),
        (["vgg*_bn"], ["vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"]),
        (["resnet", "--task", "feature"], []),
        (["vgg1[1-3]", "--task", "IMAGE"], ["vgg11", "vgg13"]),
    ],
    ids=str,
)
def test_a_text_a_pattern_or_a_task_chooses(archc, asked: list[str], listed: list[str]) -> None:
    code, out, _ = archc("zoo", *asked)
    assert [line.split()[0] for line in out.splitlines()[2:-1]] == listed
    assert code == (0 if listed else 1)


def test_machines_get_everything(archc) -> None:
    (found,) = archc("zoo", "resnet50", "--json").json
    assert found.pop("doc").startswith("Deep residual learning")
    assert found == {
        "name": "resnet50",
        "file": "resnet.yaml",
        "variant": "resnet50",
        "task": "image classification",
        "paper": {
            "title": "Deep residual learning for image recognition",
            "authors": "He et al.",
            "year": 2016,
        },
        "params": 25_557_032,
        "macs": 4_089_184_256,
        "inputs": {"image": "float32[N, 3, 224, 224]"},
        "models": {"resnet": {"params": 25_557_032, "macs": 4_089_184_256}},
    }


def test_nothing_found_is_said(archc) -> None:
    code, out, err = archc("zoo", "zzz")
    assert (code, out) == (1, "")
    assert "no spec of the zoo is like that" in err
    assert archc("zoo", "zzz", "--json").json == []


def test_a_listing_compiles_nothing(monkeypatch: pytest.MonkeyPatch, archc) -> None:
    monkeypatch.setattr(catalog, "made", lambda path: pytest.fail(f"{path} was compiled"))
    assert archc("zoo").code == 0


def test_a_listing_loads_nothing_that_takes_time() -> None:
    code = "import sys; from archc.cli.main import main; main(['zoo']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded.isdisjoint({"networkx", "numpy", "jsonschema", "ruamel.yaml", "archc.elaborate"})
