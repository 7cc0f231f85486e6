"""Calling a network by the names of its inputs and outputs; items of lists are `name.0` …"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import Tensor, nn

Ports = Sequence[tuple[str, int | None]]  # names in order, and how many are in a list


def sign(network: nn.Module, inputs: Ports, outputs: Ports) -> None:
    """Writes on the network what its inputs and outputs are called."""
    network.__dict__.update(archc_inputs=inputs, archc_outputs=outputs)


def call(network: nn.Module, feeds: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's outputs by name for its inputs by name; what else is fed is passed over."""
    inputs, outputs = cast("Ports", network.archc_inputs), cast("Ports", network.archc_outputs)
    given: list[Any] = [
        feeds[name] if count is None else [feeds[f"{name}.{k}"] for k in range(count)]
        for name, count in inputs
    ]
    result = network(*given)
    parts = [result] if len(outputs) == 1 else list(result)
    found: dict[str, Tensor] = {}
    for (name, count), part in zip(outputs, parts, strict=True):
        if count is None:
            found[name] = part
        else:
            found.update({f"{name}.{k}": item for k, item in enumerate(part)})
    return found
