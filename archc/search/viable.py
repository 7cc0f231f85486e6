"""Whether a search can come to anything, judged before there is a study of it.

What is wrong is told of the file that the search was begun with, where it can be put right.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

from archc.errors import SpecError, did_you_mean, nearest
from archc.ir.program import Program
from archc.search.candidate import Candidate
from archc.search.evaluating import Kind
from archc.search.numbers import OTHERWISE, places, trained, unknown
from archc.search.section import Search
from archc.search.space import TRIES, Space
from archc.search.statics import UNTRAINED
from archc.spec.bundle import bundled, settings
from archc.spec.data import Mapping
from archc.spec.search import MOVES


def check(program: Program, search: Search, kind: Kind, name: str) -> None:
    """Judges the space, and whether that kind of evaluation suits the search.

    Raises SpecError E801 E862 and as `archc.train.read` of what cannot be scored, E850 or E856
    where nothing can be changed, and what is wrong with a candidate where all are wrong.
    """
    if (kind, name) == ("installed", "train"):
        check_training(program, search)
    section = program.file.section("search") if program.file is not None else None
    if kind == "static" and search.trials is None and isinstance(section, Mapping):
        what = "what follows from the graph takes no time, so this budget is never spent"
        place = section.entries["budget"].key.place
        raise SpecError.of("E862", what, place, help="budget: {trials: 200}, or --trials 200")
    check_space(Space(search, origin(program)))


def origin(program: Program) -> Candidate:
    """The spec with the parameters that were chosen, as a study will have it."""
    assert program.file is not None
    if not settings(program):
        return Candidate(program.file)
    text = bundled(program, Path())[Path("spec.yaml")]
    return Candidate.read(text, program.file.path or Path("spec.yaml"))


def check_training(program: Program, search: Search) -> None:
    from archc.train import read

    section = program.file.section("search") if program.file is not None else None
    wanted = trained(search)
    if not wanted or not isinstance(section, Mapping):
        return
    assert program.file is not None
    if program.file.section("train") is None:
        name, place = next(one for one in places(section) if one[0] in wanted)
        what = f"{program.name} has no 'train' section, and '{name}' comes from a training"
        help = f"train: {{data: …, loss: …, optimizer: …}}; or {OTHERWISE}"
        if nearest(name, UNTRAINED) is not None:
            help = did_you_mean(name, UNTRAINED)
        raise SpecError.of("E801", what, place, help=help)
    training = read(program)
    if training.phases:
        what, place = "a search trains in one phase", training.phases[0].place
        raise SpecError.of("E862", what, place, help=OTHERWISE)
    found = unknown(program)
    if found:
        raise SpecError(found)


def check_space(space: Space) -> None:
    origin, search = space.origin, space.search
    moved = space.move(origin, Random(0)) is not None
    changing = any(
        hole.domain.size > 1 or not hole.domain.holds(hole.value(origin.parameters))
        for hole in space.active(origin)
    )
    if not changing and not moved:
        raise nothing(space)
    try:
        _ = space.sure
    except SpecError as error:
        first, *others = error.diagnostics
        note = f"so it is with this candidate; of {TRIES} that were drawn none is right"
        raise SpecError([replace(first, notes=(*first.notes, note)), *others]) from error
    if search.moves is not None and not moved:  # what holes hold may make room for moves
        draws = Random(search.seed)
        if not any(space.move(space.random(draws), draws) for _ in range(TRIES)):
            raise nothing(space)


def nothing(space: Space) -> SpecError:
    """That there is nothing to change."""
    file, moves = space.origin.file, space.search.moves
    section = file.section("search")
    assert isinstance(section, Mapping)
    if moves is None:
        place = section.entries["vary"].key.place
        return SpecError.of("E850", "nothing varies", place, help="vary: {width: [16, 32, 64]}")
    where = f"within {', '.join(moves.within)}" if moves.within else f"in {file.name}"
    kinds = "" if moves.kinds == MOVES else f" of the kinds {', '.join(moves.kinds)}"
    what = f"no move{kinds} can be made {where}"
    help = "blocks of other files are not changed; 'kinds' and 'within' say which moves there are"
    return SpecError.of("E856", what, section.entries["moves"].key.place, help=help)
