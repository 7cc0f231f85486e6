"""Every network of the zoo as a module: its weights' names, outputs' types, a step of training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from small_zoo import SPECS, small
from torch import nn

import archc_torch
from archc.ir.program import Program
from archc.ir.substitution import substitute
from archc.sample import inputs

TRACKED = "num_batches_tracked"  # torch's own buffer of a batch norm


def sizes(program: Program, model: str) -> dict[str, int]:
    """Numbers for the symbols of a model, all different."""
    symbols = program.models[model].symbols()
    return {name: 64 if name in ("H", "W") else k + 2 for k, name in enumerate(symbols)}


@dataclass
class Made:
    spec: str
    program: Program
    modules: dict[str, nn.Module]


@pytest.fixture(scope="module", params=sorted(path.stem for path in SPECS.glob("*.yaml")))
def made(request: pytest.FixtureRequest) -> Made:
    program = small(request.param)
    modules = {model: archc_torch.module(program, model=model) for model in program.models}
    return Made(request.param, program, modules)


def test_state_dicts_have_the_specs_names(made: Made) -> None:
    for model, module in made.modules.items():
        found = {
            name: (str(value.dtype).removeprefix("torch."), tuple(value.shape))
            for name, value in module.state_dict().items()
            if not name.endswith(TRACKED)
        }
        types = {entry.name: entry.weight.type for entry in made.program.weights(model)}
        assert found == {name: (type.dtype, type.dims) for name, type in types.items()}


def test_parameters_are_trained_unless_frozen(made: Made) -> None:
    for model, module in made.modules.items():
        parameters = dict(module.named_parameters(remove_duplicate=False))
        entries = {entry.name: entry.weight for entry in made.program.weights(model)}
        assert parameters.keys() == {name for name, w in entries.items() if not w.buffer}
        for name, parameter in parameters.items():
            assert parameter.requires_grad == entries[name].trained, name


def test_outputs_have_the_inferred_types(made: Made) -> None:
    for model, definition in made.program.models.items():
        known = sizes(made.program, model)
        found = archc_torch.evaluate(made.modules[model], inputs(definition, known))
        assert list(found) == list(definition.outputs)
        for name, type in definition.output_types().items():
            wanted = tuple(substitute(size, known) for size in type.dims)
            assert (str(found[name].dtype), found[name].shape) == (type.dtype, wanted)
            assert np.isfinite(found[name]).all()


def test_gradients_reach_every_weight_that_is_trained(made: Made) -> None:
    program, module = made.program, made.modules[made.program.main]
    feeds = inputs(program.model, sizes(program, program.main))
    torch.manual_seed(0)
    outputs = list(tensors(module.train()(*given(module, feeds))))
    trained = [name for name, value in module.named_parameters() if value.requires_grad]
    smooth = [x for x in outputs if x.requires_grad]
    sum((x * torch.randn_like(x)).sum() for x in smooth).backward()
    for name in trained:
        gradient = module.get_parameter(name).grad
        assert gradient is not None, name
        assert gradient.isfinite().all(), name


def given(module: nn.Module, feeds: dict[str, np.ndarray]) -> list[object]:
    """The inputs in the order in which forward takes them."""
    return [
        torch.from_numpy(feeds[name])
        if count is None
        else [torch.from_numpy(feeds[f"{name}.{k}"]) for k in range(count)]
        for name, count in module.archc_inputs
    ]


def tensors(result: object) -> Iterator[torch.Tensor]:
    if isinstance(result, torch.Tensor):
        yield result
    else:
        for part in result:
            yield from tensors(part)


@pytest.mark.parametrize("model", ["encoder", "decoder", "transformer", "decoder_step"])
def test_a_source_has_the_models_that_it_calls_and_no_others(model: str) -> None:
    source = archc_torch.source(small("transformer"), model)
    assert ("class DecoderStep(" in source) == (model == "decoder_step")
    assert ("class Encoder(" in source) == (model in ("encoder", "transformer"))
