"""Where a training runs: devices, precision and processes, all of them Accelerate's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar, cast

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType, broadcast, gather_object
from torch import Tensor, nn
from torch.optim import Optimizer

from archc.errors import UsageError
from archc_train import shards
from archc_train.data.part import Batch
from archc_train.trainee import Trainee

T = TypeVar("T")

PRECISIONS = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}
FOREIGN = {DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM}


class Device:
    """The accelerator, and what a training asks of it."""

    def __init__(self, precision: str = "fp32", cpu: bool = False) -> None:
        """Raises UsageError E813 for a precision or a launcher's mode that is not to be had."""
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        cut = shards.asked()
        AcceleratorState._reset_state()  # a process may make trainings of different precisions
        try:
            self.accelerator = Accelerator(
                mixed_precision=PRECISIONS[precision],
                cpu=cpu,
                kwargs_handlers=[unused],
                fsdp_plugin=shards.plugin() if cut else None,
            )
        except ValueError as error:
            what = f"there is no {precision} here: {error}"
            raise UsageError.of("E813", what, help="--precision fp32") from error
        if precision != "fp32" and not self.accelerator.native_amp:
            what = f"there is no {precision} on this device, {self.accelerator.device.type}"
            help = "bf16 works on every device" if precision == "fp16" else "--precision fp32"
            raise UsageError.of("E813", what, help=help)
        if self.accelerator.distributed_type in FOREIGN:
            raise UsageError.of(
                "E813",
                f"nothing is trained by {self.accelerator.distributed_type.value} here",
                help="accelerate launch --use_fsdp: every process has a share of the weights",
            )
        self.torch: torch.device = self.accelerator.device
        self.precision_name = precision
        self.count: int = self.accelerator.num_processes
        self.rank: int = self.accelerator.process_index
        self.sharded = cut and self.count > 1  # whether each process has a share of the weights
        self.scaler: Any = self.accelerator.scaler  # of losses, where fp16 would lose gradients
        # Of sums over many values; not every device has 64 bits.
        self.wide = torch.float64 if self.torch.type in ("cpu", "cuda") else torch.float32
        # Whether looking at a number costs nothing; elsewhere it waits for all that was asked for.
        self.instant = self.is_cpu

    @property
    def is_cpu(self) -> bool:
        return self.torch.type == "cpu"

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes files."""
        return bool(self.accelerator.is_main_process)

    @property
    def name(self) -> str:
        """In words, for people."""
        if self.torch.type == "cuda":
            shown = torch.cuda.get_device_name(self.torch)
        else:
            threads = torch.get_num_threads()
            shown = f"{self.torch.type}, {threads} thread{'s' if threads > 1 else ''}"
        if self.count == 1:
            return shown
        cut = " with a share of the weights" if self.sharded else ""
        return f"{self.count} processes, each{cut} on {shown}"

    # ---- networks

    def place(self, trainee: Trainee) -> Trainee:
        """The networks on the device, or this process's shares of them; weights stay shared.

        With channels last tensor cores are faster, and so is a CPU where images are
        batch-normalised (ResNets and MobileNets 1.1 to 1.6 times); others gain nothing, or lose.
        """
        if self.sharded:
            shards.shard(trainee, self.torch, self.count)
        elif not self.is_cpu:
            trainee.moved(self.torch, channels_last=self.precision_name != "fp32")
        elif any(isinstance(one, nn.BatchNorm2d) for one in trainee.modules()):
            trainee.moved(self.torch, channels_last=True)
        return trainee

    def wrap(self, trainee: Trainee) -> nn.Module:
        """The networks as they are called: in step with other processes, if there are any."""
        if self.count == 1:
            return trainee
        if self.sharded:
            trainee.register_forward_pre_hook(self.before)
            return trainee
        # Placing it again would give it other buffers than those that are shared.
        network: nn.Module = self.accelerator.prepare_model(trainee, device_placement=False)
        return network

    def before(self, trainee: nn.Module, given: Any) -> None:
        """What DDP does by itself: a training pass begins with the same buffers everywhere."""
        if trainee.training:
            self.equalise(cast("Trainee", trainee))

    def precision(self) -> AbstractContextManager[Any]:
        """A context in which operations run at the chosen precision."""
        if self.precision_name == "fp32":
            return nullcontext()
        context: AbstractContextManager[Any] = self.accelerator.autocast()
        return context

    def gathering(self, network: nn.Module) -> AbstractContextManager[Any]:
        """A context in which gradients add up and processes do not exchange them yet.

        In shards they do, as none has room for whole gradients.
        """
        if self.count == 1 or self.sharded:
            return nullcontext()
        context: AbstractContextManager[Any] = self.accelerator.no_sync(network)
        return context

    def backward(self, loss: Tensor) -> None:
        (loss if self.scaler is None else self.scaler.scale(loss)).backward()

    def step(self, optimizers: Sequence[Optimizer], clip: Callable[[], None]) -> bool:
        """Moves the weights; False where fp16's gradients ran over, and nothing was moved."""
        if self.sharded:
            self.average_whole(optimizers)
        if self.scaler is None:
            clip()
            for one in optimizers:
                one.step()
            return True
        for one in optimizers:
            self.scaler.unscale_(one)
        clip()
        before = self.scaler.get_scale()
        for one in optimizers:
            self.scaler.step(one)
        self.scaler.update()
        return bool(self.scaler.get_scale() >= before)

    def average_whole(self, optimizers: Sequence[Optimizer]) -> None:
        """Gives every process the mean of the gradients of weights that are in no shards."""
        groups = [group["params"] for one in optimizers for group in one.param_groups]
        _, whole = shards.gradients(weight for group in groups for weight in group)
        if whole:
            mean = self.summed(torch.stack(whole)) / self.count
            for gradient, value in zip(whole, mean, strict=True):
                gradient.copy_(value)

    def clip_norm(self, weights: Iterable[nn.Parameter], most: float) -> None:
        """Scales the gradients so that the norm of them all is at most so much."""
        if not self.sharded:
            nn.utils.clip_grad_norm_(weights, most)
            return
        cut, whole = shards.gradients(weights)
        squares = self.summed(nn.utils.get_total_norm(cut) ** 2)
        norm = (squares + nn.utils.get_total_norm(whole).to(self.torch) ** 2).sqrt()
        for gradient in [*cut, *whole]:
            gradient.mul_((most / (norm + 1e-6)).clamp(max=1.0))  # as torch does it

    def whole(self, state: T) -> T:
        """A state without shards, where it is kept: None stands for its tensors elsewhere."""
        found: T = shards.gathered(state, self.is_main) if self.sharded else state
        return found

    # ---- values

    def share(self, items: Tensor) -> Tensor:
        """This process's part of a batch's items."""
        return items if self.count == 1 else items[self.rank :: self.count]

    def move(self, batch: Batch) -> Batch:
        if self.is_cpu:
            return batch
        return {name: self.moved(value) for name, value in batch.items()}

    def moved(self, value: Tensor) -> Tensor:
        if value.ndim == 4 and value.is_floating_point() and self.precision_name != "fp32":
            value = value.contiguous(memory_format=torch.channels_last)
        return value.to(self.torch, non_blocking=True)

    def number(self, value: float) -> Tensor:
        return torch.full((), value, dtype=torch.float32, device=self.torch)  # waits for nothing

    # ---- processes

    def wait(self) -> None:
        """Until all processes are here."""
        self.accelerator.wait_for_everyone()

    def agreed(self, wish: bool) -> bool:
        """Whether any process wishes it; all must ask."""
        if self.count == 1:
            return wish
        found: Tensor = self.accelerator.reduce(self.number(float(wish)), reduction="sum")
        return bool(found > 0)

    def summed(self, value: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.count == 1:
            return value
        found: Tensor = self.accelerator.reduce(value.to(self.torch), reduction="sum")
        return found

    def mean(self, value: Tensor) -> float:
        """The mean over all processes."""
        return float(self.summed(value)) / self.count

    def collected(self, value: T) -> list[T]:
        """Every process's own value, in their order."""
        if self.count == 1:
            return [value]
        found: list[T] = gather_object([value])
        return found

    @torch.no_grad()
    def equalise(self, trainee: Trainee) -> None:
        """Gives every process the main one's buffers, such as a batch norm's statistics."""
        if self.count == 1:
            return
        kinds: dict[torch.dtype, list[Tensor]] = {}
        for value in trainee.shared.values():
            if not isinstance(value, nn.Parameter):
                kinds.setdefault(value.dtype, []).append(value)
        for values in kinds.values():  # as few messages as can be
            together = broadcast(torch.cat([value.flatten() for value in values]))
            parts = together.split([value.numel() for value in values])
            for value, part in zip(values, parts, strict=True):
                value.copy_(part.view_as(value))

    # ---- what is drawn

    def seed(self, seed: int) -> None:
        """Begins the random streams, another one in each process."""
        torch.manual_seed(seed + self.rank)

    def random_state(self) -> dict[str, Any]:
        found: dict[str, Any] = {"cpu": torch.get_rng_state()}
        if not self.is_cpu:
            found[self.torch.type] = torch.get_device_module(self.torch).get_rng_state()
        return found

    def set_random_state(self, state: dict[str, Any]) -> None:
        torch.set_rng_state(state["cpu"])
        if not self.is_cpu and self.torch.type in state:
            torch.get_device_module(self.torch).set_rng_state(state[self.torch.type])

    # ---- fp16

    def scale_state(self) -> dict[str, Any]:
        """What is known of the factor that losses are multiplied by; nothing but in fp16."""
        return {} if self.scaler is None else dict(self.scaler.state_dict())

    def load_scale_state(self, state: dict[str, Any]) -> None:
        if self.scaler is not None and state:
            self.scaler.load_state_dict(state)
