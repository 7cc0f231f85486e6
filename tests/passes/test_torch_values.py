"""Rewritten programs run in PyTorch and give what the given ones give, bit for bit or nearly."""

from __future__ import annotations

import pytest

from archc.passes import Expand, run
from archc.pipeline import compile

torch = pytest.importorskip("torch")
archc_torch = pytest.importorskip("archc_torch")

GPT2 = {"layers": 2, "dim": 32, "heads": 4, "vocab": 50, "context": 16}
SWIN = {"dim": 8, "heads": [1, 2, 2, 4], "depths": [2, 2, 2, 2], "classes": 5}
BASIC = frozenset({"linear", "matmul", "softmax", "where", "add", "mul", "range", "unsqueeze",
                   "less_equal", "transpose", "slice", "concat", "constant"})  # fmt: skip
CASES = {
    "gpt2": ("gpt2", GPT2, lambda: torch.randint(0, 50, (2, 7))),
    "swin": ("swin_t", SWIN, lambda: torch.randn(1, 3, 224, 224)),
    "lenet5": ("lenet5", {}, lambda: torch.randn(2, 1, 32, 32)),
}


def value(program, x):
    torch.manual_seed(0)
    module = archc_torch.module(program, seed=3).eval()
    with torch.no_grad():
        return module(x)


@pytest.mark.parametrize("pipeline", ["training", "inference", "flat", "flat-inference"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_pipelines_keep_the_values(case, pipeline):
    name, settings, feed = case
    program, x = compile(name, set=settings), feed()
    torch.testing.assert_close(
        value(run(program, pipeline), x), value(program, x), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_expansions_keep_the_values(case):
    name, settings, feed = case
    program, x = compile(name, set=settings), feed()
    expanded = Expand(BASIC)(program)
    torch.testing.assert_close(value(expanded, x), value(program, x), rtol=1e-4, atol=1e-5)
