"""The zoo against Hugging Face's transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from reference.agreement import TOLERANCE, check, randomised

import archc
import archc_onnx
import archc_ort
import archc_torch

LAYERS = pytest.mark.parametrize("layers", [2, pytest.param(12, marks=pytest.mark.slow)])


@LAYERS
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


@LAYERS
def test_transformers_gpt2_with_its_cache(layers: int, tmp_path: Path) -> None:
    """The step gives the reference's logits and its cache, in PyTorch and in onnxruntime."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.GPT2Config(n_layer=layers, n_embd=192, n_head=3)
    reference = randomised(transformers.GPT2LMHeadModel(config))
    program = archc.compile("gpt2", set={"layers": layers, "dim": 192, "heads": 3, "step": True})
    tokens = torch.randint(0, config.vocab_size, (2, 9))
    with torch.inference_mode():
        begun = reference(tokens[:, :8], use_cache=True).past_key_values
        feeds = {"tokens": tokens[:, 8:].numpy()}
        for k, layer in enumerate(begun.layers):
            feeds |= {
                f"past_keys.{k}": layer.keys.numpy().copy(),
                f"past_values.{k}": layer.values.numpy().copy(),
            }
        whole = reference(tokens, use_cache=True)
    expected = {"logits": whole.logits[:, 8:].numpy()}
    for k, layer in enumerate(whole.past_key_values.layers):
        expected |= {f"keys.{k}": layer.keys.numpy(), f"values.{k}": layer.values.numpy()}
    agree(program, reference.state_dict(), feeds, expected, tmp_path)


@LAYERS
@pytest.mark.parametrize("spec", ["bert_base", "bert_base_pretraining"])
def test_transformers_bert(spec: str, layers: int, tmp_path: Path) -> None:
    """With padding; of a padded position, whose output means nothing, nothing is asked."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.BertConfig(num_hidden_layers=layers)
    with_heads = spec.endswith("pretraining")
    kind = transformers.BertForPreTraining if with_heads else transformers.BertModel
    reference = randomised(kind(config))
    if with_heads:
        reference.cls.predictions.bias.data.normal_()
    tokens, types = torch.randint(0, config.vocab_size, (2, 17)), torch.zeros(2, 17, dtype=int)
    types[:, 9:] = 1
    mask = torch.arange(17) < torch.tensor([17, 11])[:, None]
    with torch.inference_mode():
        given = reference(tokens, attention_mask=mask.long(), token_type_ids=types)
    if with_heads:
        expected = {"logits": given.prediction_logits, "follows": given.seq_relationship_logits}
    else:
        expected = {"hidden": given.last_hidden_state, "pooled": given.pooler_output}
    feeds = {"tokens": tokens.numpy(), "types": types.numpy(), "mask": mask.numpy()}
    program = archc.compile(spec, set={"layers": layers})
    state = {
        **reference.state_dict(),
        f"{'bert.' * with_heads}embeddings.position_ids": torch.ones(1),
    }
    arrays = {name: value.numpy() for name, value in expected.items()}
    agree(program, state, feeds, arrays, tmp_path)


def agree(
    program: archc.Program, state: Any, feeds: Any, expected: dict[str, np.ndarray], folder: Path
) -> None:
    """Both backends, strictly loaded, give all outputs."""
    module = archc_torch.module(program, weights=state)
    archc_onnx.export(program, folder / "model.onnx", weights=state)
    found = {
        "PyTorch": archc_torch.evaluate(module, feeds),
        "onnxruntime": archc_ort.run(folder / "model.onnx", feeds),
    }
    for name, value in expected.items():
        scale = np.abs(value).max()
        assert np.abs(value[0] - value[1]).max() > 1e-3 * scale
        for backend, outputs in found.items():
            gap = np.abs(outputs[name] - value)
            assert gap.max() <= TOLERANCE * scale, (backend, name)
