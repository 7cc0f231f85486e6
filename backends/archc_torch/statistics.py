"""Running statistics of normalisations, as one look at real signals makes them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from archc.arrays import Array
from archc_torch.instance import evaluate


def settled(network: nn.Module, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Running means and variances by full name, such that every norm gives numbers of about 1.

    They are those of what reaches each norm while the network is evaluated on `feeds`; the network
    takes them over. No variance is below a hundredth of its layer's mean, so that nothing is
    divided by almost nothing.
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
        for key, value in (
            ("running_mean", module.running_mean),
            ("running_var", module.running_var),
        )
        if value is not None
    }


def _take(module: nn.Module, given: tuple[Tensor, ...]) -> None:
    """Before a norm: its statistics become those of its input."""
    assert isinstance(module.running_mean, Tensor) and isinstance(module.running_var, Tensor)
    axes = [axis for axis in range(given[0].dim()) if axis != 1]
    variance, mean = torch.var_mean(given[0], dim=axes, correction=0)
    least = variance.mean() / 100
    module.running_mean.copy_(mean)
    module.running_var.copy_(variance.clamp(min=least) if least > 0 else torch.ones_like(variance))
