"""Weights in shards: every process keeps a part of each, and all gather them where they are used.

This is FSDP as torch's `fully_shard` does it (Zhao et al., 2023, "PyTorch FSDP"; its second form).
A weight keeps its name and becomes a DTensor cut along its first axis, and so do its gradient, its
average and what an optimiser remembers of it. Networks that share a weight still do.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import torch
from accelerate import FullyShardedDataParallelPlugin
from accelerate.utils import is_torch_version
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Replicate, distribute_tensor
from torch.optim import Optimizer

from archc.errors import UsageError
from archc_train.trainee import Trainee, takes_gradients

# What Accelerate's launcher asks for, by the variable that it sets; what is followed of it.
FOLLOWED = {
    "FSDP_SHARDING_STRATEGY": ("full_shard", "1"),
    "FSDP_RESHARD_AFTER_FORWARD": ("true", "full_shard"),
    "FSDP_OFFLOAD_PARAMS": ("false",),
    "FSDP_ACTIVATION_CHECKPOINTING": ("false",),
    "FSDP_AUTO_WRAP_POLICY": ("no_wrap",),
    "FSDP_IGNORED_MODULES": ("",),
}
OPENED = 8  # a block with more than this part of all weights is gathered in parts itself


def asked() -> bool:
    """Whether the launcher asks for shards; raises UsageError E813 where it asks for others."""
    if os.environ.get("ACCELERATE_USE_FSDP", "false").lower() != "true":
        return False
    if not is_torch_version(">=", "2.7"):
        raise UsageError.of("E813", f"shards need torch 2.7, and this is {torch.__version__}")
    for variable, values in FOLLOWED.items():
        given = os.environ.get(variable, values[0])
        if given.lower() not in values:
            option = f"--{variable.lower()}"
            what = f"shards of weights are made in one way, and {option} {given} is another"
            raise UsageError.of("E813", what, help=f"leave {option} out")
    return True


def plugin() -> FullyShardedDataParallelPlugin:
    """Tells Accelerate that weights are in shards; it cuts none itself: it knows one network."""
    return FullyShardedDataParallelPlugin(
        fsdp_version=2, reshard_after_forward=True, state_dict_type="FULL_STATE_DICT"
    )


def shard(trainee: Trainee, device: torch.device, count: int) -> None:
    """Puts a share of every weight on the device of this process, one of `count`.

    A weight without an axis stays whole, and so does what is no weight. Raises UsageError E813.
    """
    kinds = {str(one.dtype) for one in trainee.parameters()}
    if len(kinds) > 1:
        what = f"weights of {' and '.join(sorted(kinds))} cannot be gathered together"
        raise UsageError.of("E813", what, help="accelerate launch --multi_gpu")
    whole = laid_out(trainee, device)
    places = {
        id(value): (module, name)
        for module in trainee.modules()
        for name, value in module._parameters.items()
    }
    homes = {name: places.get(id(value)) for name, value in trainee.shared.items()}
    # Nothing here may hold on to a whole weight: there may be no room for all of them.
    others = {name: value for name, value in trainee.shared.items() if homes[name] is None}
    trainee.shared = others
    mesh = init_device_mesh(device.type, (count,))
    # It warns of blocks that give views, for fear that these are overwritten. Networks of archc
    # overwrite only what an operation has made anew.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
    for module in [*groups(trainee), trainee]:
        fully_shard(module, mesh=mesh, reshard_after_forward=True, ignored_params=whole)
    trainee.shared = {
        name: others[name] if home is None else cast("Tensor", home[0]._parameters[home[1]])
        for name, home in homes.items()
    }


def laid_out(trainee: Trainee, device: torch.device) -> set[nn.Parameter]:
    """Lays weights out as they can be cut, and moves those that cannot, which are returned."""
    whole = set()
    for parameter in trainee.parameters():
        parameter.data = parameter.data.contiguous()
        if parameter.ndim == 0:
            parameter.data = parameter.data.to(device)
            whole.add(parameter)
    return whole


def groups(trainee: Trainee) -> list[nn.Module]:
    """The blocks whose weights are gathered when the block is run, inner ones first.

    What is in none of them is gathered for the whole pass. Blocks that several updates run, or
    whose gradients are part of a loss, are in no group: their weights serve outside their pass.
    """
    if len(trainee.updates) > 1 or takes_gradients(trainee.graphs):
        return []
    limit = sum(value.numel() for value in trainee.parameters()) // OPENED
    everywhere = holders(trainee)
    return [
        module
        for module in pieces(trainee, limit)
        if all(everywhere[key] == count for key, count in holders(module).items())
    ]


def holders(module: nn.Module) -> Counter[int]:
    """In how many places within the module each weight is held."""
    return Counter(
        id(value)
        for part in module.modules()
        for value in part._parameters.values()
        if value is not None
    )


def pieces(module: nn.Module, limit: int) -> Iterator[nn.Module]:
    """Blocks in chains, and in blocks with more than `limit` numbers; inner ones first."""
    for child in module.children():
        numbers = sum(value.numel() for value in child.parameters())
        own = not type(child).__module__.startswith("torch.")
        block = isinstance(module, nn.Sequential | nn.ModuleList) and own and numbers > 0
        if not block or numbers > limit:
            yield from pieces(child, limit)
        if block:
            yield child


# ---- states, whole and in shards


def local(tensor: Tensor) -> Tensor:
    """What this process has of a tensor; they share their memory."""
    found: Tensor = tensor.to_local() if isinstance(tensor, DTensor) else tensor
    return found


def gathered(state: Any, keep: bool) -> Any:
    """A state with whole tensors in the place of shards, one after the other; all must ask.

    They are in the main memory of processes that `keep` them, and None in others.
    """
    if isinstance(state, DTensor):
        whole = cast("DTensor", state.detach()).full_tensor()
        return whole.cpu() if keep else None
    if isinstance(state, Mapping):
        return {key: gathered(value, keep) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(gathered(value, keep) for value in state)
    return state


def spread(whole: Tensor, like: Tensor) -> Tensor:
    """This process's share of a whole tensor that every process has, cut as another one is."""
    if not isinstance(like, DTensor):
        return whole
    placements = like.placements if whole.shape == like.shape else [Replicate()]
    there = whole.to(like.device)
    found: Tensor = distribute_tensor(there, like.device_mesh, placements, src_data_rank=None)
    return found


def spread_optimizer(optimizer: Optimizer, state: Mapping[str, Any]) -> dict[str, Any]:
    """An optimiser's whole state, cut as its weights are; counts of steps are no such tensors."""
    weights = [one for group in optimizer.param_groups for one in group["params"]]
    cut = {
        index: {
            name: spread(value, weights[index])
            if isinstance(value, Tensor) and value.ndim > 0
            else value
            for name, value in own.items()
        }
        for index, own in state["state"].items()
    }
    return {**state, "state": cut}


# ---- gradients


def gradients(weights: Iterable[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """What this process has of the gradients: of weights in shards, and of whole ones."""
    found = [one.grad for one in weights if one.grad is not None]
    cut = [local(grad) for grad in found if isinstance(grad, DTensor)]
    return cut, [grad for grad in found if not isinstance(grad, DTensor)]
