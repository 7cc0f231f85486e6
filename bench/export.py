"""Export against PyTorch's exporters: time and memory.

    python bench/export.py [--networks resnet152 vgg19] [--ways archc initial copy] [--rounds 5]

Each figure comes from a fresh process, after import; memory is how far the process' peak rises
during the export. `archc` is given a file of weights, `initial` draws them; a bare copy of the
file is printed beside. PyTorch's exporters are asked for torchvision's networks alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BOUNDS = {"resnet152": 20, "vgg19": 10}
WAYS = ("archc", "initial", "dynamo", "tracer", "copy")
LARGEST = {"archc": 64, "initial": 96}  # MB that an export may take, whatever the network


def measure(way: str, network: str, weights: Path, output: Path) -> dict[str, float]:
    """Seconds and the rise of the peak, in MB, of one export in this process."""
    import time

    run = PREPARE[way](network, weights, output)
    before = peak()
    started = time.perf_counter()
    run()
    return {"seconds": time.perf_counter() - started, "memory": peak() - before}


def peak() -> float:
    """The process' peak resident memory in MB; set back where Linux allows it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this benchmark reads /proc, as Linux has it")


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def prepare_archc(network: str, weights: Path, output: Path):
    import archc
    import archc_onnx

    program = archc.compile(network)
    reset_peak()
    return lambda: archc_onnx.export(program, output, weights=weights)


def prepare_initial(network: str, weights: Path, output: Path):
    import archc
    import archc_onnx

    program = archc.compile(network)
    reset_peak()
    return lambda: archc_onnx.export(program, output, seed=0)


def prepare_torch(network: str, weights: Path, output: Path, dynamo: bool):
    import torch
    from reference import torchvision_models
    from safetensors.torch import load_file

    module = getattr(torchvision_models(), network)().eval()
    module.load_state_dict(load_file(weights), strict=False)
    example = torch.randn(1, 3, 224, 224)
    if dynamo:
        import onnxscript  # noqa: F401 - what the exporter imports is not its work
    reset_peak()
    return lambda: torch.onnx.export(module, (example,), str(output), dynamo=dynamo)


def prepare_copy(network: str, weights: Path, output: Path):
    import shutil

    reset_peak()
    return lambda: shutil.copyfile(weights, output)


PREPARE = {
    "archc": prepare_archc,
    "initial": prepare_initial,
    "dynamo": lambda *rest: prepare_torch(*rest, dynamo=True),
    "tracer": lambda *rest: prepare_torch(*rest, dynamo=False),
    "copy": prepare_copy,
}


def fresh(way: str, network: str, weights: Path, output: Path) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--one", way, network, str(weights), str(output)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(result.stderr)
    for file in output.parent.glob(f"{output.stem}.*"):
        file.unlink()
    return json.loads(result.stdout.splitlines()[-1])


def write_weights(network: str, path: Path) -> None:
    import archc
    from archc.safetensors import write_safetensors
    from archc.store import stored

    with stored(archc.compile(network)) as entries:
        write_safetensors(path, entries.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", default=list(BOUNDS))
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        way, network, weights, output = args.one
        print(json.dumps(measure(way, network, Path(weights), Path(output))))
        return
    with tempfile.TemporaryDirectory() as folder:
        for network in args.networks:
            report(network, Path(folder), args.ways, args.rounds)


def report(network: str, folder: Path, ways: list[str], rounds: int) -> None:
    weights = folder / f"{network}.safetensors"
    write_weights(network, weights)
    print(f"{network}, {weights.stat().st_size / 1e6:.0f} MB")
    found = {
        way: [fresh(way, network, weights, folder / "out.onnx") for _ in range(rounds)]
        for way in ways
    }
    base = statistics.median(row["seconds"] for row in found[ways[0]])
    for way, rows in found.items():
        seconds = statistics.median(row["seconds"] for row in rows)
        memory = statistics.median(row["memory"] for row in rows)
        ratio = f"{seconds / base:6.1f} x {ways[0]}"
        print(f"  {way:<8} {seconds:8.2f} s   {ratio}   memory +{memory:.0f} MB")
    if network in BOUNDS:
        print(f"  bound: dynamo {BOUNDS[network]} x archc or more")
    bounds = ", ".join(f"{way} +{most} MB or less" for way, most in LARGEST.items() if way in ways)
    print(f"  bound: {bounds}")
    weights.unlink()


if __name__ == "__main__":
    main()
