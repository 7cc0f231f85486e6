"""The zoo against Hugging Face's transformers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from reference.agreement import check, randomised

import archc


@pytest.mark.parametrize("layers", [2, pytest.param(12, marks=pytest.mark.slow)])
def test_transformers_gpt2(layers: int, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.GPT2Config(n_layer=layers)
    reference = randomised(transformers.GPT2LMHeadModel(config))
    tokens = torch.randint(0, config.vocab_size, (2, 17))
    with torch.inference_mode():
        expected = reference(tokens).logits.numpy()
    program = archc.compile("gpt2", set={"layers": layers})
    check(program, reference.state_dict(), tokens.numpy(), expected, tmp_path)
