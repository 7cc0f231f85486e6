"""Latency of archc's files and modules against the tracer's and the reference's own, interleaved.

    python bench/latency.py [--networks resnet50 …] [--seconds 20] [--threads 2] [--what ort torch]

In one process, run by run in turn: onnxruntime on archc's file, on the same again (A/A), and on the
file of `torch.onnx.export` after onnxslim; PyTorch forward, and forward and backward, of archc's
module, the same again, and the reference's. A ratio is each candidate's over the reference's, round
by round, with a 95 % bootstrap interval of its median. The bound holds where the interval includes
or beats it, and means little where A/A's interval is wider than the bound is tight.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from reference import torchvision_models

import archc
import archc_onnx
import archc_torch
from archc_ort import compare, open_session

TOKENS = 128


def vision(name: str) -> tuple[torch.nn.Module, torch.Tensor]:
    """Torchvision's network, and a picture of the size that the spec says."""
    torch.manual_seed(0)
    example = picture(name)
    return as_if_trained(getattr(torchvision_models(), name)(), example), example


def mobile(name: str) -> tuple[torch.nn.Module, torch.Tensor]:
    """Timm's first MobileNet."""
    torchvision_models()  # declares the operators that timm wants to find
    import timm

    torch.manual_seed(0)
    example = picture(name)
    return as_if_trained(timm.create_model("mobilenetv1_100"), example), example


def as_if_trained(module: torch.nn.Module, example: torch.Tensor) -> torch.nn.Module:
    """The network with biases and batch statistics, ready to run.

    Many an untrained one adds zeros and subtracts means of zero. The tracer leaves these out, and
    its file is faster than that of any network that has learned something.
    """
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 1.0
    for name, weight in module.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(weight, std=0.1)
    with torch.no_grad():
        module.train()(example if example.dtype == torch.int64 else batch_of(example))
    return module.eval()


def batch_of(picture: torch.Tensor) -> torch.Tensor:
    """Four pictures: the statistics of one of a single pixel would be none."""
    return torch.randn(4, *picture.shape[1:])


def picture(name: str) -> torch.Tensor:
    (type,) = archc.compile(name).model.input_types().values()
    return torch.randn(1, *type.dims[1:])


class Logits(torch.nn.Module):
    """GPT-2 with tokens in and logits out, as an exporter wants it."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.model(tokens, use_cache=False).logits


def language(name: str) -> tuple[torch.nn.Module, torch.Tensor]:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(attn_implementation="sdpa")
    example = torch.randint(0, 50257, (1, TOKENS))
    return as_if_trained(Logits(GPT2LMHeadModel(config)), example), example


VISION = [
    "alexnet", *(f"vgg{n}{bn}" for n in (11, 13, 16, 19) for bn in ("", "_bn")),
    *(f"resnet{n}" for n in (18, 34, 50, 101, 152)),
    *(f"densenet{n}" for n in (121, 161, 169, 201)),
    "squeezenet1_0", "squeezenet1_1", "mobilenet_v2",
    *(f"efficientnet_b{k}" for k in range(8)),
    *(f"convnext_{size}" for size in ("tiny", "small", "base", "large")),
    *(f"swin_{size}" for size in ("t", "s", "b")),
]  # fmt: skip
NETWORKS: dict[str, Callable[[str], tuple[torch.nn.Module, torch.Tensor]]] = {
    **dict.fromkeys(VISION, vision),
    "mobilenet_v1": mobile,
    "gpt2": language,
}
USUAL = ["resnet50", "vgg16", "gpt2"]


def traced(module: torch.nn.Module, example: torch.Tensor, path: Path) -> None:
    """The tracer's file after onnxslim."""
    import onnx
    import onnxslim

    raw = path.with_suffix(".raw.onnx")
    torch.onnx.export(module, (example,), str(raw), dynamo=True)
    onnx.save(onnxslim.slim(str(raw)), str(path))


def state_of(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    inner = module.model if isinstance(module, Logits) else module
    return {
        name: value
        for name, value in inner.state_dict().items()
        if not name.endswith((".attn.bias", ".masked_bias"))
    }


def onnx_runs(name: str, args: argparse.Namespace, folder: Path) -> dict[str, Callable[[], object]]:
    reference, example = NETWORKS[name](name)
    theirs, ours = folder / f"{name}.traced.onnx", folder / f"{name}.onnx"
    traced(reference, example, theirs)
    program = archc.compile(name)
    archc_onnx.export(program, ours, weights=state_of(reference))
    feed = {next(iter(program.model.input_types())): example.numpy()}
    sessions = [
        open_session(path, device="cpu", threads=args.threads) for path in (theirs, ours, ours)
    ]
    feeds = [{session.get_inputs()[0].name: next(iter(feed.values()))} for session in sessions]
    outputs = [session.run(None, one)[0] for session, one in zip(sessions, feeds, strict=True)]
    gap = np.abs(outputs[0] - outputs[1]).max() / np.abs(outputs[0]).max()
    print(f"{name}: outputs agree to {gap:.1e}")
    runs = [
        lambda s=session, f=one: s.run(None, f)
        for session, one in zip(sessions, feeds, strict=True)
    ]
    return dict(zip(("tracer + onnxslim", "archc", "archc again"), runs, strict=True))


def torch_runs(name: str, backward: bool) -> dict[str, Callable[[], object]]:
    reference, example = NETWORKS[name](name)
    program = archc.compile(name)
    ours = archc_torch.module(program, weights=state_of(reference)).eval()
    modules = {"reference": reference, "archc": ours, "reference again": reference}
    return {label: step(module, example, backward) for label, module in modules.items()}


def step(module: torch.nn.Module, example: torch.Tensor, backward: bool) -> Callable[[], object]:
    def forward() -> Any:
        with torch.inference_mode():
            return module(example)

    def both() -> None:
        module.zero_grad(set_to_none=True)
        output = module(example)
        (output if isinstance(output, torch.Tensor) else output[0]).square().mean().backward()

    return both if backward else forward


def report(title: str, runs: dict[str, Callable[[], object]], seconds: float) -> None:
    print(title)
    for row in compare(runs, seconds=seconds):
        print(
            f"  {row.name:<20} {row.median * 1e3:8.2f} ms   ratio {row.ratio:.3f}"
            f"   95 % {row.ratio_low:.3f} to {row.ratio_high:.3f}   {row.rounds} rounds"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--networks", nargs="+", default=USUAL, choices=list(NETWORKS), metavar="NAME",
        help=f"which (without: {', '.join(USUAL)}): {', '.join(NETWORKS)}",
    )  # fmt: skip
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--what", nargs="+", default=["ort", "torch"], choices=["ort", "torch"])
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        for name in args.networks:
            if "ort" in args.what:
                report(
                    f"{name}, onnxruntime; bound 1.00",
                    onnx_runs(name, args, Path(folder)),
                    args.seconds,
                )
            if "torch" in args.what:
                report(
                    f"{name}, PyTorch forward; bound 1.02", torch_runs(name, False), args.seconds
                )
                report(
                    f"{name}, PyTorch forward and backward; bound 1.02",
                    torch_runs(name, True),
                    args.seconds,
                )


if __name__ == "__main__":
    main()
