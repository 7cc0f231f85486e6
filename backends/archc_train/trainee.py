"""What is trained: one network for each update, all over the same weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

import archc_torch
from archc.ir.program import Program, WeightEntry
from archc.store import Source as Weights
from archc.store import stored
from archc.train import Graphs
from archc_torch.calling import call
from archc_torch.instance import tensor, tensors

Values = dict[str, Tensor]


class Trainee(nn.Module):
    """All updates of a training as one module, so that one wrapper holds it on many devices.

    `forward(update, values)` gives the update's outputs by name. Every weight is one parameter,
    under its name in the spec, whichever updates read it.
    """

    def __init__(self, program: Program, graphs: Graphs, weights: Weights, seed: int) -> None:
        """Raises InputError for weights that do not fit."""
        super().__init__()
        self.graphs = graphs
        self.prefix = "" if program.prefixed else f"{program.main}."
        with stored(program, weights, seed) as entries:
            given = {self.prefix + name: tensor(entry) for name, entry in entries.items()}
        for entry in graphs.program.weights():
            if entry.name not in given and entry.owner is None:  # what an update keeps: a pool
                dims = [int(size) for size in entry.type.dims if isinstance(size, int)]
                given[entry.name] = torch.zeros(dims, dtype=getattr(torch, entry.type.dtype))
        self.updates = nn.ModuleDict()
        shared: dict[str, Tensor] = {}
        for model in graphs.models.values():
            network = archc_torch.module(graphs.program, given, model=model)
            share(network, shared)
            self.updates[model] = network
        self.shared = shared
        self.idle = {name: value for name, value in given.items() if name not in shared}

    def moved(self, device: torch.device, channels_last: bool = False) -> None:
        """Puts every weight on a device, the same one wherever it is shared.

        `channels_last` lays images' filters out as tensor cores want them.
        """

        def there(old: Tensor) -> Tensor:
            new = old.to(device)
            if channels_last and new.ndim == 4:
                new = new.contiguous(memory_format=torch.channels_last)
            return nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new

        made = {id(old): there(old) for old in self.shared.values()}
        for module in self.modules():
            parameters = {k: v for k, v in module._parameters.items() if v is not None}
            for key, value in parameters.items():
                new = made[id(value)]
                assert isinstance(new, nn.Parameter)
                module._parameters[key] = new
            buffers = {k: v for k, v in module._buffers.items() if v is not None}
            module._buffers.update({key: made[id(value)] for key, value in buffers.items()})
        self.shared = {name: made[id(old)] for name, old in self.shared.items()}

    def forward(self, update: str, values: Mapping[str, Tensor]) -> Values:
        fed = self.graphs.inputs[update]
        return call(self.network(update), {name: values[given] for name, given in fed.items()})

    def network(self, update: str) -> nn.Module:
        """The update's own network."""
        return self.updates[self.graphs.models[update]]

    def compiled(self, backend: str = "inductor") -> None:
        """Runs the networks through torch.compile from now on."""
        for network in self.updates.values():
            network.compile(backend=backend)

    def parameters_of(self, models: tuple[str, ...]) -> dict[str, nn.Parameter]:
        """The trained weights of models and of those that they call, by their names in the spec."""
        found: dict[str, nn.Parameter] = {}
        for model in models:
            for entry in self.graphs.program.weights(model):
                value = self.shared.get(entry.name)
                if isinstance(value, nn.Parameter) and entry.owner is None and entry.weight.trained:
                    found[self.spoken(entry.name)] = value
        return found

    def buffers_of(self, models: tuple[str, ...]) -> dict[str, Tensor]:
        """What models keep that is not trained by gradients, such as a batch norm's statistics."""
        found: dict[str, Tensor] = {}
        for model in models:
            for entry in self.graphs.program.weights(model):
                value = self.shared.get(entry.name)
                if value is not None and not isinstance(value, nn.Parameter):
                    found[self.spoken(entry.name)] = value
        return found

    def weights(self) -> Values:
        """All weights by their names in the spec, tied ones under their owners' alone."""
        updates = set(self.graphs.models.values())
        names = [name for name in self.graphs.program.models if name not in updates]
        owned = {e.name for name in names for e in self.weights_of(name) if e.owner is None}
        held = {**self.idle, **self.shared}
        return {self.spoken(name): held[name].detach() for name in held if name in owned}

    def weights_of(self, model: str) -> Iterator[WeightEntry]:
        return self.graphs.program.weights(model)

    def spoken(self, name: str) -> str:
        return name.removeprefix(self.prefix)


def share(network: nn.Module, shared: dict[str, Tensor]) -> None:
    """Puts the tensors that are shared in the place of the network's own of the same name."""
    for name, holder, key, value in tensors(network):
        holder[key] = shared.setdefault(name, value)


def takes_gradients(graphs: Graphs) -> bool:
    """Whether a gradient is part of a loss, such as a gradient penalty's."""
    return any(
        getattr(getattr(node, "op", None), "name", "") == "gradient"
        for definition in graphs.program.definitions()
        for _, node in definition.graph.nodes()
    )


def frozen(parameters: Iterator[nn.Parameter], kept: set[int]) -> None:
    """Only parameters that are kept ask for a gradient."""
    for parameter in parameters:
        parameter.requires_grad_(id(parameter) in kept)
