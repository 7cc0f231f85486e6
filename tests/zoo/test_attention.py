"""Attention: the rows of the zoo against their formulas, torch.nn and themselves, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archc
import archc_onnx
import archc_ort
import archc_torch

Arrays = dict[str, np.ndarray]
Runner = Callable[[Mapping[str, Any]], Arrays]
TOLERANCE = 1e-4  # of the largest magnitude


def torch_runner(program: archc.Program, weights: Any, model: str | None, folder: Path) -> Runner:
    module = archc_torch.module(program, weights=weights, model=model)
    return lambda feeds: archc_torch.evaluate(module, feeds)


def ort_runner(program: archc.Program, weights: Any, model: str | None, folder: Path) -> Runner:
    path = folder / f"{model or program.main}{len(list(folder.iterdir()))}.onnx"
    archc_onnx.export(program, path, weights=weights, model=model)
    session = archc_ort.open_session(path, device="cpu", threads=1)
    names = [output.name for output in session.get_outputs()]
    return lambda feeds: dict(zip(names, session.run(None, dict(feeds)), strict=True))


BACKENDS = pytest.mark.parametrize("runner", [torch_runner, ort_runner])


def assert_close(found: np.ndarray, expected: Tensor | np.ndarray) -> None:
    expected = expected.detach().numpy() if isinstance(expected, Tensor) else expected
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


def assert_equals(
    program: archc.Program, weights: Any, feeds: Mapping[str, Tensor], expected: Any, folder: Path
) -> None:
    """Both backends give these outputs."""
    arrays = {name: value.numpy() for name, value in feeds.items()}
    for runner in (torch_runner, ort_runner):
        found = runner(program, weights, None, folder)(arrays)
        for name, value in expected.items():
            assert_close(found[name], value)


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def padding(lengths: list[int], longest: int) -> Tensor:
    """True for the first positions of each sequence."""
    return torch.arange(longest) < torch.tensor(lengths)[:, None]


def lively(module: nn.Module) -> nn.Module:
    """Biases and norms that all matter."""
    generator = torch.Generator().manual_seed(7)
    for parameter in module.parameters():
        if parameter.dim() == 1:
            parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)
    return module.eval()


# ---- scores


def test_additive_attention_is_bahdanaus_formula(tmp_path: Path) -> None:
    program = archc.compile("additive_attention", set={"query": 6, "memory": 5, "hidden": 4})
    state = {
        "W.weight": drawn(0, 4, 6), "W.bias": drawn(1, 4), "U.weight": drawn(2, 4, 5),
        "v.weight": drawn(3, 1, 4),
    }  # fmt: skip
    query, memory, mask = drawn(4, 2, 3, 6), drawn(5, 2, 7, 5), padding([7, 4], 7)
    expected = torch.zeros(2, 3, 7)
    for n in range(2):
        for t in range(3):
            scores = torch.stack(
                [
                    state["v.weight"][0]
                    @ torch.tanh(
                        state["W.weight"] @ query[n, t]
                        + state["W.bias"]
                        + state["U.weight"] @ memory[n, s]
                    )
                    for s in range(7)
                ]
            )
            expected[n, t] = scores.masked_fill(~mask[n], float("-inf")).softmax(0)
    feeds = {"query": query, "memory": memory, "mask": mask}
    outputs = {"weights": expected, "context": expected @ memory}
    assert_equals(program, state, feeds, outputs, tmp_path)


@pytest.mark.parametrize(
    ("variant", "factor"),
    [("luong_dot", 1.0), ("luong_general", 1.0), ("scaled_dot_product_attention", 6**-0.5)],
)
def test_dot_products_score(variant: str, factor: float, tmp_path: Path) -> None:
    program = archc.compile("dot_product_attention", variant=variant, set={"dim": 6})
    turn = drawn(0, 6, 6) if variant == "luong_general" else torch.eye(6)
    query, memory, mask = drawn(1, 2, 3, 6), drawn(2, 2, 7, 6), padding([7, 4], 7)
    scores = factor * torch.einsum("ntd,de,nse->nts", query, turn, memory)
    weights = scores.masked_fill(~mask[:, None], float("-inf")).softmax(-1)
    expected = {"weights": weights, "context": weights @ memory}
    if variant == "scaled_dot_product_attention":
        expected["context"] = F.scaled_dot_product_attention(
            query, memory, memory, attn_mask=mask[:, None]
        )
    state = {"W.weight": turn} if variant == "luong_general" else {}
    feeds = {"query": query, "memory": memory, "mask": mask}
    assert_equals(program, state, feeds, expected, tmp_path)


# ---- torch.nn.MultiheadAttention


def apart(state: Mapping[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """The three projections that torch.nn stacks, under names of their own."""
    return {
        f"{name}.{kind}": part
        for kind in ("weight", "bias")
        for name, part in zip(names, state[f"in_proj_{kind}"].chunk(3), strict=True)
    }


def later(size: int) -> Tensor:
    """True where a key comes after the query, as torch.nn wants it."""
    return torch.ones(size, size, dtype=torch.bool).triu(1)


@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_is_multihead_attention_with_one_head(causal: bool, tmp_path: Path) -> None:
    reference = lively(nn.MultiheadAttention(8, 1, batch_first=True))
    reference.out_proj.weight.data, reference.out_proj.bias.data = torch.eye(8), torch.zeros(8)
    program = archc.compile("self_attention", set={"dim": 8, "causal": causal})
    x, mask = drawn(0, 2, 5, 8), padding([5, 3], 5)
    attn_mask = later(5) if causal else None
    expected, _ = reference(x, x, x, key_padding_mask=~mask, attn_mask=attn_mask)
    state = apart(reference.state_dict(), ["query", "key", "value"])
    assert_equals(program, state, {"x": x, "mask": mask}, {"output": expected}, tmp_path)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("heads", [1, 4])
def test_multi_head_attention_is_torchs(heads: int, causal: bool, tmp_path: Path) -> None:
    reference = lively(nn.MultiheadAttention(8, heads, batch_first=True))
    settings = {"dim": 8, "heads": heads, "causal": causal}
    program = archc.compile("multi_head_attention", set=settings)
    length = 5 if causal else 7  # torch aligns to the first key, archc to the last
    query, memory = drawn(0, 2, 5, 8), drawn(1, 2, length, 8)
    mask = padding([length, 3], length)
    attn_mask = later(5) if causal else None
    expected, _ = reference(
        query, memory, memory, key_padding_mask=~mask, attn_mask=attn_mask, need_weights=False
    )
    state = reference.state_dict()
    weights = {
        **apart(state, ["q_proj", "k_proj", "v_proj"]),
        "out_proj.weight": state["out_proj.weight"],
        "out_proj.bias": state["out_proj.bias"],
    }
    feeds = {"query": query, "memory": memory, "mask": mask}
    assert_equals(program, weights, feeds, {"output": expected}, tmp_path)


def test_the_preludes_self_attention_loads_torchs_state_dict(tmp_path: Path) -> None:
    reference = lively(nn.MultiheadAttention(8, 2, batch_first=True))
    program = archc.compile_text("""
        archc: 1
        weights: {rename: {"in_proj_*": "attn.in_proj.*", "out_proj.*": "attn.out_proj.*"}}
        inputs: {x: [N, T, 8]}
        graph: [{self_attention: {heads: 2, causal: true}, name: attn}]
    """)
    x = drawn(0, 2, 5, 8)
    expected, _ = reference(x, x, x, attn_mask=later(5))
    assert_equals(program, reference.state_dict(), {"x": x}, {"output": expected}, tmp_path)


# ---- torch.nn.Transformer

SMALL = {"vocab": 30, "dim": 16, "heads": 4, "hidden": 24, "layers": 2}


def torchs_transformer() -> nn.Transformer:
    """As in the paper: without the last norms that torch.nn.Transformer adds by itself."""
    sizes = {"d_model": 16, "nhead": 4, "dim_feedforward": 24, "batch_first": True}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(**sizes), 2, enable_nested_tensor=False
        )
        decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(**sizes), 2)
        made = nn.Transformer(
            16, 4, custom_encoder=encoder, custom_decoder=decoder, batch_first=True
        )
    return lively(made)


def weights_of(reference: nn.Transformer, table: Tensor) -> dict[str, Tensor]:
    """The state dict of torch.nn.Transformer under the names of the spec."""
    found = {"embed.table.weight": table}
    places = {"self_attn": ("own", "self_attn"), "multihead_attn": ("recall", "cross_attn")}
    for side, part in (("encoder", reference.encoder), ("decoder", reference.decoder)):
        for k, layer in enumerate(part.layers):
            norms = ["first", "second", "third"]
            for name, tensor in layer.state_dict().items():
                head, _, rest = name.partition(".")
                if head in places and rest.startswith("in_proj"):
                    project, attend = places[head]
                    project = (
                        f"recall.layer.{k}"
                        if project == "recall"
                        else f"{side}.layer.{k}.{project}"
                    )
                    kind = rest.removeprefix("in_proj_")
                    q, key, value = tensor.chunk(3)
                    found[f"{side}.layer.{k}.{attend}.q.{kind}"] = q
                    found[f"{project}.k.{kind}"], found[f"{project}.v.{kind}"] = key, value
                    continue
                if head in places:
                    new = f"{places[head][1]}.out.{rest.removeprefix('out_proj.')}"
                elif head.startswith("norm"):
                    new = f"{norms[int(head[4:]) - 1]}.norm.{rest}"
                else:
                    new = f"ff.{ {'linear1': 0, 'linear2': 3}[head] }.{rest}"
                found[f"{side}.layer.{k}.{new}"] = tensor
    return found


def positions(length: int, dim: int) -> Tensor:
    """Section 3.5: the sine of each wavelength, and its cosine beside it."""
    angles = torch.arange(length)[:, None] / 10000 ** (torch.arange(0, dim, 2) / dim)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


def test_transformer_is_torchs(tmp_path: Path) -> None:
    reference, table = torchs_transformer(), drawn(0, 30, 16)
    program = archc.compile("transformer", set=SMALL)
    source, target = torch.randint(30, (2, 7)), torch.randint(30, (2, 5))
    mask = padding([7, 4], 7)

    def entered(tokens: Tensor) -> Tensor:
        return table[tokens] * 4.0 + positions(tokens.shape[1], 16)

    with torch.inference_mode():
        vectors = reference(
            entered(source), entered(target), tgt_mask=later(5),
            src_key_padding_mask=~mask, memory_key_padding_mask=~mask,
        )  # fmt: skip
    feeds = {"source": source, "mask": mask, "target": target}
    weights = weights_of(reference, table)
    assert_equals(program, weights, feeds, {"logits": vectors @ table.T}, tmp_path)


# ---- step by step


def caches(outputs: Mapping[str, np.ndarray]) -> Arrays:
    """What one step leaves, as the next one takes it."""
    return {
        f"past_{name}": value
        for name, value in outputs.items()
        if name.startswith(("keys.", "values."))
    }


@BACKENDS
def test_a_transformers_decoder_goes_step_by_step(runner: Any, tmp_path: Path) -> None:
    program = archc.compile("transformer", set=SMALL)
    rng = np.random.default_rng(0)
    source, target = rng.integers(30, size=(2, 7)), rng.integers(30, size=(2, 6))
    mask = padding([7, 4], 7).numpy()

    def run(model: str, **feeds: Any) -> Arrays:
        if model not in made:
            made[model] = runner(program, None, model, tmp_path)
        return made[model](feeds)

    made: dict[str, Runner] = {}
    whole = run("transformer", source=source, mask=mask, target=target)["logits"]
    encoded = run("encoder", source=source, mask=mask)
    memory = {f"memory_{name}": value for name, value in run("recall", **encoded).items()}
    begun = run("decoder", target=target[:, :2], mask=mask, **memory)
    assert_close(begun["logits"], whole[:, :2])
    for t in range(2, 6):
        past = caches(begun)
        begun = run("decoder_step", token=target[:, t : t + 1], mask=mask, **memory, **past)
        assert_close(begun["logits"], whole[:, t : t + 1])


@BACKENDS
def test_gpt2_goes_step_by_step(runner: Any, tmp_path: Path) -> None:
    sizes = {"vocab": 40, "context": 16, "dim": 16, "heads": 2, "layers": 3}
    plain = archc.compile("gpt2", set=sizes)
    prompt = archc.compile("gpt2", set={**sizes, "cache": True})
    step = archc.compile("gpt2", set={**sizes, "step": True})
    names = [entry.name for entry in plain.weights()]
    assert names == [entry.name for entry in prompt.weights()]
    assert names == [entry.name for entry in step.weights()]
    tokens = np.random.default_rng(0).integers(40, size=(2, 9))
    whole = runner(plain, None, None, tmp_path)({"tokens": tokens})
    assert list(whole) == ["logits"]
    begun = runner(prompt, None, None, tmp_path)({"tokens": tokens[:, :3]})
    assert_close(begun["logits"], whole["logits"][:, :3])
    run = runner(step, None, None, tmp_path)
    for first, last in [(3, 4), (4, 5), (5, 8), (8, 9)]:  # one token or several
        begun = run({"tokens": tokens[:, first:last], **caches(begun)})
        assert_close(begun["logits"], whole["logits"][:, first:last])


# ---- sizes


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("gpt2", 124_439_808),
        ("gpt2_medium", 354_823_168),
        ("gpt2_large", 774_030_080),
        ("gpt2_xl", 1_557_611_200),
        ("bert_base", 109_482_240),
        ("bert_large", 335_141_888),
        ("transformer_base", 63_082_496),
        ("transformer_big", 214_245_376),
    ],
)
def test_parameters(name: str, params: int) -> None:
    assert archc.compile(name).params == params


def test_the_papers_counts_of_the_transformer_fit_no_vocabulary() -> None:
    """65 and 213 million, each rounded: the rows that its embedding would have do not meet."""
    rows = []
    for name, dim, published in (("transformer_base", 512, 65e6), ("transformer_big", 1024, 213e6)):
        found = archc.compile(name).params
        assert abs(found - published) <= 0.04 * published
        rows.append((published - (found - 37_000 * dim)) / dim)
        rows.append(0.5e6 / dim)
    (base, base_rounding), (big, big_rounding) = rows[:2], rows[2:]
    assert base - base_rounding > 37_000 > big + big_rounding
