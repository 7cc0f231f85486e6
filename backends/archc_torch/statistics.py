"""Running statistics of normalisations, brought to the scale of real signals."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from archc.arrays import Array
from archc_torch.instance import evaluate


def settled(network: nn.Module, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Running means and variances by full name, multiplied by the scale of what reaches each norm.

    The scale is the mean square of a norm's whole input while the network is evaluated on `feeds`;
    the network takes the new statistics over. So signals stay about 1 however deep it is, and
    nothing else changes. The true statistics would not do: a random network's channels hardly
    differ from item to item, and to divide by how much they do would magnify rounding errors from
    layer to layer.
    """
    norms = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, _BatchNorm) and module.running_mean is not None
    }
    hooks = [module.register_forward_pre_hook(_take) for module in norms.values()]
    try:
        evaluate(network, feeds)
    finally:
        for hook in hooks:
            hook.remove()
    return {
        f"{name}.{key}": value.numpy().copy()
        for name, module in norms.items()
        for key, value in module.named_buffers(recurse=False)
        if key in ("running_mean", "running_var")
    }


def _take(module: nn.Module, given: tuple[Tensor, ...]) -> None:
    """Before a norm: its statistics are brought to the scale of its input."""
    assert isinstance(module.running_mean, Tensor) and isinstance(module.running_var, Tensor)
    scale = given[0].square().mean()
    if scale > 0:
        module.running_var.mul_(scale)
        module.running_mean.mul_(scale.sqrt())
