"""The numbers that evaluation reports, all of them torchmetrics'."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from torch import Tensor

from archc.errors import Diagnostic, SpecError, did_you_mean
from archc.train import Training
from archc.train.section import Metric
from archc_train.data.raw import spoken
from archc_train.rankings import Gathered, Ranking

if TYPE_CHECKING:
    from torchmetrics import Metric as Torch

Given = tuple[Tensor, ...]
Make = Callable[[dict[str, Any], Given], "Torch"]


def classification(name: str, **fixed: Any) -> Make:
    """Of logits `[N, C, …]`, or `[N]` of two classes, and class numbers."""

    def make(options: dict[str, Any], values: Given) -> Torch:
        kind = getattr(import_module("torchmetrics"), name)
        made: Torch = kind(**{**classes(values), **fixed, **options})
        return made

    return make


def plain(name: str, **fixed: Any) -> Make:
    """A metric of torchmetrics, or of one of its parts: `image.PeakSignalNoiseRatio`."""

    def make(options: dict[str, Any], values: Given) -> Torch:
        part, _, own = f"torchmetrics.{name}".rpartition(".")
        made: Torch = getattr(import_module(part), own)(**{**fixed, **options})
        return made

    return make


METRICS: dict[str, Make] = {
    "mean": plain("MeanMetric"),
    "accuracy": classification("Accuracy", average="micro"),
    "f1": classification("F1Score", average="macro"),
    "precision": classification("Precision", average="macro"),
    "recall": classification("Recall", average="macro"),
    "auroc": classification("AUROC"),
    "average_precision": classification("AveragePrecision"),
    "mse": plain("MeanSquaredError"),
    "rmse": plain("MeanSquaredError", squared=False),
    "mae": plain("MeanAbsoluteError"),
    "r2": plain("R2Score"),
    "psnr": plain("image.PeakSignalNoiseRatio", data_range=1.0),
    "ssim": plain("image.StructuralSimilarityIndexMeasure", data_range=1.0),
    "perplexity": plain("text.Perplexity"),
}
RANKINGS = ("auroc", "average_precision")  # they compare the items of one class with all others


class Measured:
    """One metric while its values come in; torchmetrics' object is made at the first."""

    def __init__(self, metric: Metric, known: Mapping[str, Any]) -> None:
        """`known` are the names that its inputs may have. Raises SpecError E204, E215."""
        self.metric = metric
        if metric.kind not in METRICS:
            help = did_you_mean(metric.kind, METRICS)
            raise SpecError.of("E204", f"no metric '{metric.kind}'", metric.place, help=help)
        for name in metric.inputs:
            if name not in known:
                what = f"the metric '{metric.name}' asks for '{name}', which is not there"
                help = did_you_mean(name, known)
                raise SpecError.of("E215", what, metric.place, help=help)
        self.inner: Torch | Gathered | None = None
        self.shapes = ""

    def update(self, values: Mapping[str, Tensor], items: int) -> None:
        """Takes in a batch. Raises SpecError E207 where torchmetrics cannot measure it."""
        given = tuple(values[name].detach() for name in self.metric.inputs)
        pairs = zip(self.metric.inputs, given, strict=True)
        self.shapes = ", ".join(f"{name} {list(one.shape)}" for name, one in pairs)
        with self.measurable():
            self.add(given, items)

    def add(self, given: Given, items: int) -> None:
        kind = self.metric.kind
        if kind not in RANKINGS:
            given = tuple(one.float() if one.is_floating_point() else one for one in given)
        if self.inner is None:
            made = METRICS[kind](dict(self.metric.options), given).to(given[0].device)
            logits = getattr(made, "threshold", None) is not None and given[0].is_floating_point()
            self.inner = Ranking(made) if kind in RANKINGS else Gathered(made) if logits else made
        if kind == "mean":
            given = (given[0].float().mean(), given[0].new_tensor(items))  # with its weight
        chosen = len(given) == 2 and not given[1].is_floating_point() and given[0].ndim > 2
        if chosen and kind != "perplexity" and class_axis(given) == -1:
            given = (given[0].movedim(-1, 1), given[1])
        if len(given) == 2 and given[0].shape != given[1].shape and given[0].shape[-1:] == (1,):
            given = (given[0].squeeze(-1), given[1])
        self.inner.update(*given)

    def value(self) -> float | None:
        """The number; none where a ranking lacks items of some class, and so would mean nothing.

        Raises as `update`.
        """
        if self.inner is None:
            return float("nan")
        with self.measurable():
            found = self.inner.compute()
            return None if found is None else float(found)

    @contextmanager
    def measurable(self) -> Iterator[None]:
        """Turns what torchmetrics says of values that it cannot measure into SpecError E207."""
        try:
            yield
        except (ValueError, TypeError, RuntimeError, IndexError) as error:
            what = f"the metric '{self.metric.name}' cannot be measured: {first_line(error)}"
            notes = (f"its inputs are {self.shapes}",)
            raise SpecError.of("E207", what, self.metric.place, notes=notes) from error


def untold(training: Training, found: Mapping[str, float], part: str) -> dict[str, Diagnostic]:
    """The metrics that an evaluation of a part left out, each with a warning that says why."""
    return {
        one.name: Diagnostic(
            "E807",
            f"the metric '{one.name}' cannot be told on {spoken(part)}, and is left out",
            one.place,
            notes=(f"{one.kind} compares classes, and some class has no item there",),
            help="'split', 'only' and 'without' say which items a part has",
            severity="warning",
        )
        for one in training.metrics
        if one.name not in found
    }


def classes(values: Given) -> dict[str, Any]:
    """What torchmetrics wants to know of a classification."""
    scores = values[0]
    if scores.ndim < 2 or scores.shape[-1] == 1:
        return {"task": "binary"}
    return {"task": "multiclass", "num_classes": scores.shape[class_axis(values)]}


def class_axis(values: Given) -> int:
    """As `cross_entropy` finds it."""
    return -1 if values[0].shape[:-1] == values[1].shape else 1


def first_line(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}"
