"""A candidate: a spec with the changes that search made to it, which compiles as any other does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archc.elaborate import elaborate
from archc.errors import SpecError
from archc.ir.digest import VERSION, digest
from archc.ir.program import Program
from archc.ir.vertices import hashed
from archc.pipeline import settings_from
from archc.search.beside import beside, told_apart
from archc.search.edit import Edit, edited, rewritten
from archc.spec.ast import File, Step
from archc.spec.load import Loader, revised

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator, Feed
    from archc.elaborate.scope import Frame, Item
    from archc.search.moves.view import View


@dataclass(frozen=True, eq=False, slots=True)
class Copy:
    """One copy of a step as it was elaborated: where, what it was fed, and what it gave.

    Copies of a `repeat` but the first are fed what the one before gave.
    """

    step: Step
    frame: Frame
    fed: Feed
    item: Item


@dataclass(eq=False)
class _Watch:
    """Keeps what an elaboration tells."""

    elaborator: Elaborator | None = None
    copies: list[Copy] = field(default_factory=list)

    def __call__(
        self, elaborator: Elaborator, step: Step, frame: Frame, fed: Feed, item: Item
    ) -> None:
        self.elaborator = elaborator
        self.copies.append(Copy(step, frame, fed, item))


@dataclass(frozen=True, eq=False)
class Candidate:
    """A spec in memory.

    `file` has all structural edits in its tree; `edits` are those that its text, `file.source`,
    has not. `values` are plain values of parameters in place of their defaults. `origin` is the
    candidate that was read, of which this one is a descendant; None of that one itself.
    """

    file: File
    values: Mapping[str, Any] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    origin: Candidate | None = None

    @classmethod
    def read(cls, text: str, path: Path) -> Candidate:
        """The candidate that a text is; `path` is where it lies, and where `use` looks.

        Raises SpecError with all that is wrong with it.
        """
        loader = Loader()
        file = loader.load_text(text, path.as_posix(), path)
        if loader.findings:
            raise SpecError(loader.findings)
        return cls(file)

    @cached_property
    def program(self) -> Program:
        """What the spec means. Raises SpecError; a space's own moves give no reason for one."""
        return elaborate(self.file, None, settings_from(self.values, self.file))

    @cached_property
    def view(self) -> View:
        """What moves are found in: an elaboration of its own, all of which is kept.

        Few candidates become parents; of the others nothing but the program is needed. Raises
        SpecError.
        """
        from archc.search.moves.view import View

        watch = _Watch()
        program = elaborate(self.file, None, settings_from(self.values, self.file), watch=watch)
        assert watch.elaborator is not None
        watch.elaborator.context.watch = None
        return View(self, program, watch.elaborator, watch.copies)

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: what follows from them is found anew."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @cached_property
    def network(self) -> str:
        """The digest of the network alone, whatever it is trained from."""
        return network_digest(self.program)

    @cached_property
    def digest(self) -> str:
        """What decides whether two candidates are the same.

        The network, the initial values of its weights, what training tells apart by their names,
        and values `beside` all that.
        """
        patterns = told_apart(self.file)
        network = self.network if patterns is None else network_digest(self.program, patterns)
        values = {name: self.parameters[name] for name in beside(self.file)}
        if not values:
            return network
        text = json.dumps(values, sort_keys=True)
        return f"{VERSION}-{hashed(network.encode(), text.encode()).hex()}"

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """Plain values of the parameters: as they are set, or as their defaults are written."""
        from archc.spec.data import plain

        defaults = {one.name: plain(one.default) for one in self.file.parameters}
        return {**defaults, **self.values}

    def text(self) -> str:
        """The spec as YAML; what no edit touches stays as it was written, comments too."""
        params = (Edit("put", ("params", name), value) for name, value in self.values.items())
        return rewritten(self.file.source.text, [*self.edits, *params])

    def with_values(self, values: Mapping[str, Any]) -> Candidate:
        return self._child(self.file, {**self.values, **values}, self.edits)

    def with_edits(self, edits: Sequence[Edit]) -> Candidate:
        file = revised(self.file, edited(self.file.data, edits))
        return self._child(file, self.values, (*self.edits, *edits))

    def _child(self, file: File, values: Mapping[str, Any], edits: tuple[Edit, ...]) -> Candidate:
        return Candidate(file, values, edits, self.origin or self)


def network_digest(program: Program, told_apart: Sequence[str] | None = None) -> str:
    """The program's digest; of several models, as a GAN's two, of them all.

    Those that others call, too: a training may use an output that the callers do not. `told_apart`
    is as `digest` has it.
    """
    if len(program.models) < 2:
        return digest(program, told_apart=told_apart)
    each = [digest(program, name, told_apart=told_apart) for name in program.models]
    return f"{VERSION}-{hashed(*(one.encode() for one in each)).hex()}"
