"""A spec's `train:` section as values: what is updated, by which loss, how often, on what data.

The short form, one loss and one optimiser, is read as a single update.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from typing import Any

from archc.place import Place
from archc.spec.data import Data, Sequence
from archc.train.moment import Number


@dataclass(frozen=True, slots=True)
class Choice:
    """A name with options: an optimiser, a schedule, an augmentation."""

    name: str
    options: Map[str, Any] = field(default_factory=dict)
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """One kind of step: the models that it changes, and the loss that it follows.

    `steps` is its graph as data; `loss` gives each term's weight in the sum, `places` where the
    terms and the models are written.
    """

    name: str
    models: tuple[str, ...]
    steps: Sequence
    loss: Map[str, Number]
    place: Place
    optimizer: Choice
    places: Map[str, Place] = field(default_factory=dict)
    schedule: Choice | None = None
    clip: Choice | None = None
    clip_weights: float | None = None
    accumulate: int = 1
    average: float | None = None
    repeat: int = 1
    every: int = 1
    short: bool = False  # from the short form: its graph is one loss over one model's outputs

    def place_of(self, term: str) -> Place:
        """Where a term of the loss, or a model, is written."""
        return self.places.get(term, self.place)


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that evaluation reports: of an update's values and the data's fields, by name."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    options: Map[str, Any] = field(default_factory=dict)
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """A stage of training: parameters that are set, and plain settings of the section.

    `places` tells where each parameter's name and value are written, `place` where the phase is.
    """

    set: Map[str, Any]
    lasting: Map[str, Any]  # epochs, steps and batch, as far as they are its own
    place: Place
    places: Map[str, tuple[Place, Place]]


@dataclass(frozen=True, slots=True)
class Training:
    """A whole section."""

    data: Any
    updates: tuple[Update, ...]
    metrics: tuple[Metric, ...]
    draws: Map[str, Data]  # values drawn anew for every step, each as a step that draws it
    numbers: Map[str, Number]  # values that are numbers, or formulas over the clock
    absent: tuple[str, ...]  # numbers that a `when` leaves out
    augment: tuple[Choice, ...]
    phases: tuple[Phase, ...]
    place: Place
    split: Map[str, Any]
    batch: int = 32
    epochs: float | None = None
    steps: int | None = None
    seed: int = 0
    best: tuple[str, bool] | None = None  # a metric, and whether more is better
    patience: int | None = None
    evaluate: int | None = None
    precision: str = "fp32"
    compile: bool = False
