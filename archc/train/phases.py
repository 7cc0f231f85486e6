"""The phases of a training: the spec with other parameters."""

from __future__ import annotations

from archc.elaborate import elaborate
from archc.elaborate.params import Setting
from archc.elaborate.scope import Space
from archc.ir.program import Program
from archc.pipeline import settings_from
from archc.train.section import Phase


def in_phase(program: Program, phase: Phase) -> Program:
    """The program with a phase's parameters. Raises SpecError, at the phase's own places."""
    if not phase.set:
        return program
    file = program.file
    assert file is not None
    space = Space(file, {}, "settings")
    given = {
        name: Setting(value, place, space, key)
        for name, value in phase.set.items()
        for key, place in [phase.places[name]]
    }
    settings = {**settings_from(program.settings, file), **given}
    return elaborate(file, program.variant, settings)
