"""Where a training runs: devices, precision and processes, all of them Accelerate's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType, broadcast, gather_object
from torch import Tensor, nn
from torch.optim import Optimizer

from archc.errors import UsageError
from archc_train.data.part import Batch
from archc_train.trainee import Trainee

T = TypeVar("T")

PRECISIONS = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}
SHARDED = {DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM}


class Device:
    """The accelerator, and what a training asks of it."""

    def __init__(self, precision: str = "fp32", cpu: bool = False) -> None:
        """Raises UsageError E813 for a precision or a launcher's mode that is not to be had."""
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        AcceleratorState._reset_state()  # a process may make trainings of different precisions
        try:
            self.accelerator = Accelerator(
                mixed_precision=PRECISIONS[precision], cpu=cpu, kwargs_handlers=[unused]
            )
        except ValueError as error:
            what = f"there is no {precision} here: {error}"
            raise UsageError.of("E813", what, help="--precision fp32") from error
        if precision != "fp32" and not self.accelerator.native_amp:
            what = f"there is no {precision} on this device, {self.accelerator.device.type}"
            help = "bf16 works on every device" if precision == "fp16" else "--precision fp32"
            raise UsageError.of("E813", what, help=help)
        if self.accelerator.distributed_type in SHARDED:
            raise UsageError.of(
                "E813",
                f"weights in shards ({self.accelerator.distributed_type.value}) cannot be trained",
                help="accelerate launch --multi_gpu: every process has all weights",
            )
        self.torch: torch.device = self.accelerator.device
        self.precision_name = precision
        self.count: int = self.accelerator.num_processes
        self.rank: int = self.accelerator.process_index
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
        return shown if self.count == 1 else f"{self.count} processes, each on {shown}"

    # ---- networks

    def place(self, trainee: Trainee) -> Trainee:
        """The networks on the device, their weights still shared."""
        if not self.is_cpu:
            trainee.moved(self.torch, channels_last=self.precision_name != "fp32")
        return trainee

    def wrap(self, trainee: Trainee) -> nn.Module:
        """The networks as they are called: in step with other processes, if there are any."""
        if self.count == 1:
            return trainee
        network: nn.Module = self.accelerator.prepare(trainee)
        return network

    def precision(self) -> AbstractContextManager[Any]:
        """A context in which operations run at the chosen precision."""
        if self.precision_name == "fp32":
            return nullcontext()
        context: AbstractContextManager[Any] = self.accelerator.autocast()
        return context

    def gathering(self, network: nn.Module) -> AbstractContextManager[Any]:
        """A context in which gradients add up and processes do not exchange them yet."""
        if self.count == 1:
            return nullcontext()
        context: AbstractContextManager[Any] = self.accelerator.no_sync(network)
        return context

    def backward(self, loss: Tensor) -> None:
        (loss if self.scaler is None else self.scaler.scale(loss)).backward()

    def step(self, optimizers: Sequence[Optimizer], clip: Callable[[], None]) -> bool:
        """Moves the weights; False where fp16's gradients ran over, and nothing was moved."""
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

    def collected(self, value: T) -> list[T]:
        """Every process's own value, in their order."""
        if self.count == 1:
            return [value]
        found: list[T] = gather_object([value])
        return found

    def equalise(self, trainee: Trainee) -> None:
        """Gives every process the main one's buffers, such as a batch norm's statistics."""
        if self.count > 1:
            with torch.no_grad():
                for value in trainee.shared.values():
                    if not isinstance(value, nn.Parameter):
                        value.copy_(broadcast(value))

    # ---- what is drawn

    def seed(self, seed: int) -> None:
        """Begins the random streams, another one in each process."""
        torch.manual_seed(seed + self.rank)

    def random_state(self) -> dict[str, Any]:
        found: dict[str, Any] = {"cpu": torch.get_rng_state()}
        if self.torch.type == "cuda":
            found["cuda"] = torch.cuda.get_rng_state(self.torch)
        return found

    def set_random_state(self, state: dict[str, Any]) -> None:
        torch.set_rng_state(state["cpu"])
        if "cuda" in state and self.torch.type == "cuda":
            torch.cuda.set_rng_state(state["cuda"], self.torch)
