"""The short form of a training: one loss over one model's outputs and the data, as an update."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as Map

from archc.errors import Diagnostic, SpecError, did_you_mean
from archc.ir.program import Definition, Program
from archc.ir.types import TensorType
from archc.place import Place
from archc.spec.data import Data, Entry, Mapping, Scalar, Sequence
from archc.train.data import inputs_of, record, renamed
from archc.train.section import Update


def written_out(
    update: Update,
    program: Program,
    known: Map[str, TensorType],
    drawn: Collection[str],
    asked: Map[str, Place | None],
) -> tuple[Sequence, dict[str, str]]:
    """The model called with the fields of its inputs' names, and the loss over its outputs.

    Inputs may be `drawn` instead. Also what the outputs that are `asked` for are called there.
    Raises SpecError E804 where an input has no field, or a name means an output and a field; E210
    for what is neither.
    """
    (name,) = update.models
    model, place = program.models[name], update.place
    fed = required(model)
    missing = [one for one in fed if one not in known and one not in drawn]
    if missing:
        raise SpecError.of(
            "E804",
            f"nothing is fed to the input '{missing[0]}' of {name}",
            place,
            notes=(f"the data's fields are {', '.join(known) or 'none'}",),
            help=f"rename a field, data: {{source: {{field: {missing[0]}}}}}, or add it to 'feed'",
        )
    outputs = {
        model.grouped.get(one, one): f"{name}.{model.grouped.get(one, one)}"
        for one in model.outputs
    }
    check_names(update, name, {*known, *drawn}, outputs, asked)
    call = record({name: None, "in": record(dict.fromkeys(fed), place), "name": name}, place)
    steps = renamed(Sequence([with_name(update.steps.items[0], "loss")], place), outputs)
    return Sequence([call, *steps.items], place), outputs


def check_names(
    update: Update,
    model: str,
    known: Collection[str],
    outputs: Map[str, str],
    asked: Map[str, Place | None],
) -> None:
    """E210 for what is neither a field nor an output, E804 for what is both."""
    written = [
        (one.value, one.place)
        for one in inputs_of(update.steps.items[0])
        if isinstance(one.value, str) and not one.value.startswith("=")
    ]
    wrong: list[Diagnostic] = []
    for name, place in [*written, *asked.items()]:
        head = name.partition(".")[0]
        if head in outputs and head in known:
            what = f"'{head}' is an output of {model} and a field of the data"
            help = f"rename the field, data: {{source: {{{head}: target}}}}"
            wrong.append(Diagnostic("E804", what, place, help=help))
        elif head not in outputs and head not in known and name not in known:
            names: Collection[str] = [*outputs, *known]
            what = f"nothing is called '{name[:80]}' here"
            wrong.append(Diagnostic("E210", what, place, help=did_you_mean(head, names)))
    if wrong:
        raise SpecError(wrong)


def required(model: Definition) -> list[str]:
    """The inputs that the model has by itself, lists by their own name."""
    return list(dict.fromkeys(name.partition(".")[0] for name in model.input_names()))


def with_name(step: Data, name: str) -> Data:
    """The step under a name."""
    own = step.entries if isinstance(step, Mapping) else {}
    if isinstance(step, Scalar):
        own = {str(step.value): Entry(step, Scalar(None, step.place))}
    named = Entry(Scalar("name", step.place), Scalar(name, step.place))
    return Mapping({**own, "name": named}, step.place)
