"""A spec opened once, so that several of its variants need no second reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archc.elaborate import elaborate
from archc.ir.program import Program
from archc.pipeline import settings_from
from archc.spec.ast import File
from archc.spec.load import Loader
from archc.spec.values import Budget
from archc.zoo import locate


@dataclass(frozen=True, slots=True)
class Opened:
    """A spec's file, what reading it found, and the variant that was asked for."""

    file: File
    loader: Loader
    variant: str | None
    budget: Budget = field(default_factory=Budget)  # what all its variants may take together

    def program(self, variant: str | None, settings: Mapping[str, Any]) -> Program:
        """The network with a variant and settings. Raises SpecError with all findings."""
        chosen = settings_from(settings, self.file)
        loader = self.loader
        return elaborate(self.file, variant, chosen, loader.findings, loader.stopped, self.budget)

    def variants(self, settings: Mapping[str, Any]) -> list[str | None]:
        """The variants to look at: the one asked for, or all; None is the spec without one.

        A spec whose required parameters only its variants set has no meaning without one, and one
        that has a variant without settings no other meaning.
        """
        if self.variant is not None:
            return [self.variant]
        required = any(p.type is not None and p.name not in settings for p in self.file.parameters)
        default = any(not one.entries for one in self.file.variants.values())  # sets nothing
        plain: list[str | None] = [] if default or (required and self.file.variants) else [None]
        return [*plain, *self.file.variants]


def open_spec(spec: str, variant: str | None = None) -> Opened:
    """Reads what `spec` names. Raises SpecError, UsageError."""
    path, named = locate(spec)
    loader = Loader()
    file = loader.load(path)
    return Opened(file, loader, variant or named)
