"""Training images changed at random, on the device: kornia's augmentations by their names.

`random_crop` is `kornia.augmentation.RandomCrop`, and so on; its options are those of the class, a
plain value its first. `mixup` and `cutmix` mix whole items, and classes to shares of classes. All
draw from torch's generators, whose state a checkpoint holds.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from archc.errors import InputError, SpecError, did_you_mean
from archc.ops.cross_entropy import CrossEntropy
from archc.place import Place
from archc.train import Graphs
from archc.train.section import Choice
from archc_train.data.join import Joined
from archc_train.data.meaning import choices, uses
from archc_train.data.part import Batch, DataSet
from archc_train.data.raw import needs

BETWEEN = re.compile(r"(\w+) should be a torch.Tensor with length (\d+) .*\((.+), (.+)\)\. Got")
MIXING = {"mixup": "RandomMixUpV2", "cutmix": "RandomCutMixV2"}
COLLECTING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Augment:
    """What `augment:` says, as one change of a batch."""

    def __init__(self, steps: Sequence[Choice], graphs: Graphs, data: DataSet) -> None:
        """The steps, made.

        Raises SpecError E204, E206, E207 for what kornia does not know, InputError E807 where the
        data has no images, or no classes to mix.
        """
        self.images = [n for n, t in data.types.items() if t.rank == 4 and t.dtype == "float32"]
        if not self.images:
            raise InputError.of(
                "E807", f"there are no images to augment in {data.name}", steps[0].place,
                notes=(f"its fields are {', '.join(f'{n} {t}' for n, t in data.types.items())}",),
            )  # fmt: skip
        for fields in by_source(data):
            self.check_together(data, fields, steps[0].place)
        self.steps = [(made(step), step.name in MIXING) for step in steps]
        mixing = next((step for step in steps if step.name in MIXING), None)
        self.classes = {} if mixing is None else mixable(graphs, data, mixing)
        self.mixed = self.images[0] if mixing is None else self.classified(data, mixing)
        for name in self.images:
            self.check_sizes(name, data, steps)

    def check_together(self, data: DataSet, fields: list[str], place: Place | None) -> None:
        """E807 where what is done to an image would have to be done to another field as well.

        Of one source, that is: those of two have nothing to do with each other.
        """
        images = [name for name in self.images if name in fields]
        for name in fields if images else ():
            type = data.types[name]
            alike = type.rank > 2 and type.dims[-2:] == data.types[images[0]].dims[-2:]
            if name in images[1:] or (name != images[0] and alike):
                raise InputError.of(
                    "E807",
                    f"an augmentation would change '{images[0]}', and not '{name}' likewise, "
                    f"which belongs to it, {type}",
                    place,
                    help="train without 'augment'; images of two sources are changed by themselves",
                )

    def classified(self, data: DataSet, step: Choice) -> str:
        """The image that the classes are of. Raises E807 where there is no such one."""
        owners = [
            fields for fields in by_source(data) if not self.classes.keys().isdisjoint(fields)
        ]
        images = [name for name in self.images if name in owners[0]]
        if len(owners) > 1 or not images:
            named = ", ".join(f"'{name}'" for name in self.classes)
            what = f"{step.name} mixes images and classes of one source, and {named} "
            what += "are of several" if len(owners) > 1 else "is of one without images"
            raise InputError.of("E807", what, step.place)
        return images[0]

    def check_sizes(self, name: str, data: DataSet, choices: Sequence[Choice]) -> None:
        """E807 for an augmentation after which images have another size than the network takes."""
        sizes = [size for size in data.types[name].dims[1:] if isinstance(size, int)]
        if len(sizes) < 3:
            return
        image = torch.zeros(2, *sizes)
        for (step, mixes), choice in zip(self.steps, choices, strict=True):
            given = (image, torch.arange(2)) if mixes else (image,)
            try:
                with torch.random.fork_rng(devices=[]):  # the training's own draws must not move
                    result = step(*given)
            except Exception as error:  # kornia raises of many kinds, as late as here
                raise refused(choice, error) from error
            found = list((result[0] if mixes else result).shape[1:])
            if found != sizes:
                raise InputError.of(
                    "E807",
                    f"{choice.name} makes images of {found}, and '{name}' is {sizes}",
                    choice.place,
                    help=f"{choice.name}: {{size: {sizes[1:]}, …}}",
                )

    def __call__(self, batch: Batch) -> Batch:
        """The batch with its images `[n, C, H, W]` changed; mixed classes are `[n, classes]`."""
        found = dict(batch)
        with torch.no_grad():
            for step, mixes in self.steps:
                if mixes:
                    self.mix(step, found)
                else:
                    found |= {name: step(found[name]) for name in self.images}
        return found

    def mix(self, step: nn.Module, batch: Batch) -> None:
        """Mixes items. Their places stand in for classes, so any shares of classes can be mixed."""
        image = batch[self.mixed]
        count = len(image)
        batch[self.mixed], told = step(image, torch.arange(count, device=image.device))
        for name, classes in self.classes.items():
            target = batch[name]
            if target.ndim == 1:
                target = F.one_hot(target, classes).float()
            whole = target
            for own, other, share in (one.unbind(-1) for one in told.reshape(-1, count, 3)):
                kept = share if type(step).__name__ == MIXING["cutmix"] else 1 - share
                kept = torch.where(own == other, torch.ones_like(kept), kept)[:, None]
                target = kept * target + (1 - kept) * whole[other.long()]
            batch[name] = target


def by_source(data: DataSet) -> list[list[str]]:
    """The fields of each source."""
    if not isinstance(data.train, Joined):
        return [[*data.types]]
    return [[*part.batch(torch.arange(1))] for part in data.train.parts.values()]


def made(choice: Choice) -> nn.Module:
    """The module of kornia for a choice. Raises SpecError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own imports
            import kornia.augmentation as known
    except ModuleNotFoundError as error:
        raise needs("kornia", "augment") from error
    plain_ones = [n for n in dir(known) if n.startswith("Random") and not n.endswith(("3D", "V2"))]
    names = {**{snake(name): name for name in plain_ones}, **MIXING}
    if choice.name not in names:
        alike = [name for name in names if choice.name in name.split("_")]
        help = did_you_mean(choice.name, alike or names)
        raise SpecError.of("E204", f"no augmentation '{choice.name}'", choice.place, help=help)
    kind = getattr(known, names[choice.name])
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    takes = [one.name for one in parameters]
    options = {takes[0] if key == "value" else key: plain(v) for key, v in choice.options.items()}
    for name in options:
        if name not in takes:
            raise SpecError.of(
                "E206", f"{choice.name} has no option '{name}'", choice.place,
                help=did_you_mean(name, takes),
            )  # fmt: skip
    for one in parameters:
        if one.default is one.empty and one.name not in options and one.kind not in COLLECTING:
            raise SpecError.of(
                "E203", f"{choice.name} needs '{one.name}'", choice.place,
                help=f"{{{choice.name}: {{{one.name}: …}}}}",
            )  # fmt: skip
    for one in parameters:
        value = options.get(one.name)
        words = isinstance(one.default, str) or "str" in str(one.annotation)
        share = one.name != "p" or (isinstance(value, int | float) and 0 <= value <= 1)
        if one.name in options and (not share or (has_text(value) and not words)):
            wanted = "numbers" if share else "a number from 0 to 1"
            what = f"{choice.name}: {one.name}: expected {wanted}, found {value!r:.40}"
            raise SpecError.of("E207", what, choice.place)
    if choice.name in MIXING:
        options["data_keys"] = ["input", "class"]
    if "use_correct_lambda" in takes:
        options["use_correct_lambda"] = True  # the share that the item keeps, as in the paper
    try:
        module: nn.Module = kind(**options)
    except Exception as error:  # kornia raises of many kinds
        raise refused(choice, error) from error
    return module


def refused(choice: Choice, error: Exception) -> SpecError:
    """What kornia does not take, in a spec's words where it speaks of tensors."""
    text = str(error).strip().partition("\n")[0]
    said = BETWEEN.match(text)
    if said is not None:
        option, count, low, high = said.groups()
        value = choice.options.get(option, choice.options.get("value"))
        text = f"{option}: expected {count} numbers from {low} to {high}, found {value!r:.40}"
    help = f"{{{choice.name}: {{p: 0.5}}}}, or its other options by name"
    mixes = choice.name in MIXING and "value" in choice.options
    return SpecError.of("E207", f"{choice.name}: {text}", choice.place, help=help if mixes else "")


def has_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, tuple) and any(map(has_text, value)))


def plain(value: Any) -> Any:
    """What kornia wants: tuples where the spec has lists."""
    return tuple(plain(one) for one in value) if isinstance(value, list) else value


def snake(name: str) -> str:
    """`RandomHorizontalFlip` as `random_horizontal_flip`."""
    parts: list[str] = []
    for k, letter in enumerate(name):
        begins = letter.isupper() and k and (name[k - 1].islower() or name[k + 1 : k + 2].islower())
        parts.append(("_" if begins else "") + letter.lower())
    return "".join(parts)


def mixable(graphs: Graphs, data: DataSet, step: Choice) -> dict[str, int]:
    """The fields of classes that are mixed along with the images, and how many classes there are.

    Raises InputError E807 where there are none, or where anything but a cross-entropy reads them.
    """
    found = {
        one.field: one.count
        for one in choices(graphs)
        if one.what == "classes" and one.field in data.types and data.types[one.field].rank == 1
    }
    place: Place | None = step.place
    if not found:
        raise InputError.of(
            "E807", f"{step.name}: no cross_entropy takes a field of classes to mix", place
        )
    for use in uses(graphs):
        if use.field in found and not (isinstance(use.node.op, CrossEntropy) and use.slot == 1):
            raise InputError.of(
                "E807",
                f"{step.name} makes shares of the classes of '{use.field}', and {use.node.op.name} "
                "takes one class", use.node.place,
            )  # fmt: skip
    return found
