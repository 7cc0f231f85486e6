"""Exporting: the weights that are given, the same bytes for the same input, and little memory."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_backend import checked, exported, kinds, run, spec
from small_zoo import SPECS, small

import archc_onnx
from archc.errors import InputError
from archc.passes import FoldBatchNorm
from archc.safetensors import write_safetensors
from archc.sample import bindings, lively
from archc.sample import inputs as sample
from archc.store import stored


def arrays_of(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}


def write_weights(program, path: Path, seed: int = 0) -> None:
    with stored(program, seed=seed) as entries:
        write_safetensors(path, entries.values())


# ---- weights


def test_initial_values_are_those_of_the_store(tmp_path) -> None:
    program = small("lenet5")
    found = arrays_of(exported(program, tmp_path, seed=7))
    with stored(program, seed=7) as entries:
        for name, entry in entries.items():
            np.testing.assert_array_equal(found[name], entry.array())


@pytest.mark.parametrize("form", ["file", "mapping", "torch"])
def test_given_weights_are_taken_as_they_are(form: str, tmp_path) -> None:
    import torch

    program = small("text_classifier")
    with stored(program, seed=3) as entries:
        arrays = {name: entry.array() for name, entry in entries.items()}
    write_weights(program, tmp_path / "w.safetensors", seed=3)
    torch.save({name: torch.tensor(a) for name, a in arrays.items()}, tmp_path / "w.pt")
    weights = {"file": tmp_path / "w.safetensors", "mapping": arrays, "torch": tmp_path / "w.pt"}
    exported(program, tmp_path, weights=weights[form])
    given = (tmp_path / "m.onnx").read_bytes()
    exported(program, tmp_path, seed=3)
    assert given == (tmp_path / "m.onnx").read_bytes()


RULES = """
weights: {ignore: ["*.counter"], rename: {"net.*": "*"}, transpose: [fc.weight]}
"""


def test_the_specs_rules_hold_for_given_weights(tmp_path) -> None:
    program = spec("{x: [N, 4]}", "[{linear: 3, name: fc}]", RULES)
    weight = np.arange(12, dtype=np.float32).reshape(4, 3)
    given = {"net.fc.weight": weight, "net.fc.bias": np.ones(3), "some.counter": np.zeros(2)}
    exported(program, tmp_path, weights=given)
    x = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    (found,) = run(tmp_path / "m.onnx", {"x": x}).values()
    np.testing.assert_allclose(found, x @ weight + 1, rtol=1e-6)


def test_weights_that_do_not_fit_leave_the_old_file(tmp_path) -> None:
    program = small("lenet5")
    exported(program, tmp_path)
    before = (tmp_path / "m.onnx").read_bytes()
    with pytest.raises(InputError) as caught:
        archc_onnx.export(program, tmp_path / "m.onnx", {"nothing": np.zeros(3)})
    assert {finding.code for finding in caught.value.diagnostics} == {"E501", "E502"}
    assert (tmp_path / "m.onnx").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_gates_are_read_from_a_file_where_they_lie(tmp_path) -> None:
    program = spec(
        "{x: [N, T, 3]}", "[{lstm: {hidden: 2, layers: 2, bidirectional: true}, name: r}]"
    )
    write_weights(program, tmp_path / "w.safetensors", seed=5)
    from_file = arrays_of(exported(program, tmp_path, weights=tmp_path / "w.safetensors"))
    generated = arrays_of(exported(program, tmp_path, seed=5))
    assert from_file.keys() == generated.keys()
    for name, array in from_file.items():
        np.testing.assert_array_equal(array, generated[name])


def test_one_of_several_models_takes_its_part_of_the_weights(tmp_path) -> None:
    program = small("vae")
    write_weights(program, tmp_path / "w.safetensors", seed=2)
    model = exported(program, tmp_path, weights=tmp_path / "w.safetensors", model="decoder")
    assert {n for n in arrays_of(model) if "/" not in n} == {
        f"decoder.{step}.{kind}" for step in ("fc", "out") for kind in ("weight", "bias")
    }


def test_a_weight_folded_into_another_is_computed_while_it_is_written(tmp_path) -> None:
    program = small("nasbench201")
    weights = lively(program)
    exported(program, tmp_path, weights=weights)
    feeds = sample(program.model, bindings(program.model, 1)[0])
    (wanted,) = run(tmp_path / "m.onnx", feeds).values()
    model = exported(FoldBatchNorm()(program), tmp_path, weights=weights)
    assert kinds(model)[:3] == ["Conv", "Relu", "Conv"]
    (found,) = run(tmp_path / "m.onnx", feeds).values()
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


# ---- the file


@pytest.mark.parametrize("name", ["transformer", "seq2seq"])
def test_the_same_input_gives_the_same_bytes_in_every_process(name: str, tmp_path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from small_zoo import small\n"
        "import archc_onnx\n"
        "archc_onnx.export(small(sys.argv[2]), sys.argv[3])"
    )
    files = []
    for hashing in ("1", "2"):
        files.append(tmp_path / f"{hashing}.onnx")
        command = [sys.executable, "-c", program, str(Path(__file__).parent.parent), name]
        subprocess.run(
            [*command, str(files[-1])],
            check=True,
            env={"PYTHONHASHSEED": hashing},
            cwd=SPECS.parent,
        )
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_report_says_what_was_written(tmp_path) -> None:
    path = tmp_path / "m.onnx"
    report = archc_onnx.export(small("vae"), path, target="fp16", model="decoder")
    model = checked(path)
    assert report.path == path
    assert report.files == (path,)
    assert report.size == path.stat().st_size
    assert report.opset == model.opset_import[0].version
    assert report.ir_version == model.ir_version
    assert report.target == "ort>=1.20,cpu,fp16"
    assert (report.nodes, report.initialisers) == (
        len(model.graph.node), len(model.graph.initializer),
    )  # fmt: skip
    assert (report.inputs, report.outputs) == (("z",), ("logits",))


# ---- memory

MEASURE = """
import json, sys
from pathlib import Path
import archc_onnx
from archc.pipeline import compile

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line[:5] == "VmHWM")

spec, weights, folder = sys.argv[1:]
archc_onnx.export(compile("lenet5"), folder + "/warm.onnx")
program = compile(spec)
before = peak()
archc_onnx.export(program, folder + "/m.onnx", weights=weights or None)
print(json.dumps([(peak() - before) / 1024, Path(folder, "m.onnx").stat().st_size / 1e6]))
"""


def growth(spec: str, weights: str, folder: Path) -> tuple[float, float]:
    """(MiB by which resident memory grew, MB written) in a process of its own."""
    if not Path("/proc/self/status").exists():
        pytest.skip("memory is read where Linux says it")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, spec, weights, str(folder)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    grown, written = json.loads(done.stdout)
    return grown, written


RECURRENT = "archc: 1\ninputs: {x: [N, T, 512]}\ngraph: [{lstm: 2048}]\n"


def test_memory_does_not_grow_with_generated_weights(tmp_path) -> None:
    (tmp_path / "s.yaml").write_text(RECURRENT)
    grown, written = growth(str(tmp_path / "s.yaml"), "", tmp_path)
    assert written > 80
    assert grown < 56


@pytest.mark.slow
def test_memory_does_not_grow_with_570_megabytes(tmp_path) -> None:
    from archc.pipeline import compile

    grown, written = growth("vgg19", "", tmp_path)
    assert written > 570
    assert grown < 64
    write_weights(compile("vgg19"), tmp_path / "w.safetensors")
    grown, written = growth("vgg19", str(tmp_path / "w.safetensors"), tmp_path)
    assert written > 570
    assert grown < 64
