"""Syntax tree to typed programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from archc.elaborate.builder import Builder
from archc.elaborate.context import MAX_WEIGHT, Context, StepError, TooMany
from archc.elaborate.elaborator import Elaborator
from archc.elaborate.evaluate import Evaluator
from archc.elaborate.limits import sizes
from archc.elaborate.models import define_model, standalone
from archc.elaborate.params import Setting, bind
from archc.elaborate.scope import Frame, Item, Poisoned, Scope, Space
from archc.errors import Diagnostic, Findings, InternalError, SpecError, did_you_mean
from archc.ir.dims import SizeError
from archc.ir.program import Definition, Program, WeightEntry, entries
from archc.spec.ast import File
from archc.spec.data import Mapping, plain
from archc.spec.values import Budget

if TYPE_CHECKING:
    from archc.elaborate.context import Watch


def elaborate(
    file: File,
    variant: str | None = None,
    settings: dict[str, Setting] | None = None,
    findings: Iterable[Diagnostic] = (),
    stopped: bool = False,
    budget: Budget | None = None,
    watch: Watch | None = None,
) -> Program:
    """The program that a checked file means with a variant and settings.

    `findings` are what earlier stages found; `stopped` tells that they leave nothing to elaborate;
    `budget` is shared by the variants of one file; `watch` is told of every copy of a step, also
    where its definition is dropped later. Raises SpecError with all errors and warnings, earlier
    ones included.
    """
    context = Context(file, Findings(findings), budget or Budget(), watch=watch)
    if stopped:
        raise SpecError(sorted(context.findings, key=_position))
    program: Program | None = None
    try:
        program = _program(context, file, variant, settings or {})
    except StepError as error:
        context.report(error.diagnostic)
    except Poisoned:
        pass
    except TooMany as error:
        context.report(error.diagnostic)
    except SizeError as error:
        context.report(replace(error.diagnostics[0], place=file.place))
    except RecursionError:
        context.report(Diagnostic("E220", "the spec is nested too deeply", file.place))
    finally:
        context.empty_scopes()
    if program is None or any(d.severity == "error" for d in context.findings):
        # Where a step is wrong nothing is known of what it would have used: no W901.
        found = [d for d in context.findings if d.code != "W901"]
        raise SpecError(sorted(found, key=_position))
    for name in [*([file.name] if file.root else []), *file.models]:
        if name not in program.models:
            what = f"the model '{name}' is wrong, and no error says why"
            raise InternalError.of("E901", what, file.place)
    return program


def _position(diagnostic: Diagnostic) -> tuple[str, int, int]:
    place = diagnostic.place
    return (place.source.name, place.line, place.column) if place else ("", 0, 0)


def _program(
    context: Context, file: File, variant: str | None, settings: dict[str, Setting]
) -> Program:
    elaborator = Elaborator(context)
    space = _root_space(context, file, variant, settings)
    context.spaces["root"] = space
    context.spaces[id(file)] = space
    models: dict[str, Definition] = {}
    if file.root is not None:
        found = define_model(elaborator, file.root, space, file.place)
        if found is not None:
            models[file.name] = found
    for name in file.models:
        found = standalone(elaborator, space, name, file.place)
        if found is not None:
            models[name] = found
    if not file.models and file.root is None and not file.blocks and not context.findings:
        raise StepError.of("E203", "the spec has no 'graph', 'models' or 'blocks'", file.place)
    numbers = sizes(models)
    program = Program(
        name=variant or file.name,
        models=models,
        main=_main(file, models),
        prefixed=bool(file.models),
        task=file.task,
        doc=file.doc,
        file=file,
        variant=variant,
        settings={name: setting.value for name, setting in settings.items()},
        parameters=dict(space.bindings),
        warnings=tuple(d for d in context.findings if d.severity == "warning"),
        metadata={
            key: plain(data)
            for key in ("labels", "preprocess")
            if (data := file.section(key)) is not None
        },
    )
    if not any(d.severity == "error" for d in context.findings):
        _check_weights(program, numbers)
    return program


def _check_weights(program: Program, numbers: int) -> None:
    """E311 for more weights than any machine holds, E310 for one with two shapes."""
    for name in program.models if program.prefixed else ():  # else no model is called
        found: dict[str, WeightEntry] = {}
        versions = program.versions(name)
        for version in versions if len(versions) > 1 else []:
            for entry in entries(version, program.prefix(name), {}, program):
                first = found.setdefault(entry.name, entry)
                if first.type != entry.type:
                    place = program.models[name].place
                    what = f"the weight '{entry.name}' is {first.type} in one use of the model"
                    raise StepError.of("E310", f"{what} and {entry.type} in another", place)
    if numbers > MAX_WEIGHT:
        place = program.file.place if program.file else None
        raise StepError.of("E311", f"the weights would be {numbers:,} numbers", place)


def _root_space(
    context: Context, file: File, variant: str | None, settings: dict[str, Setting]
) -> Space:
    """The file's parameters with a variant and settings."""
    chosen: dict[str, Setting] = {}
    own = Space(file, {}, "root")
    evaluator = Evaluator(context)
    frame = Frame(Builder(context), own, {}, Scope(""), Item({}))
    if variant is not None:
        if variant not in file.variants:
            raise StepError.of(
                "E223",
                f"{file.name} has no variant '{variant}'",
                file.place,
                help=did_you_mean(variant, file.variants),
            )
        for key, entry in file.variants[variant].entries.items():
            chosen[str(key)] = Setting(evaluator.value(entry.value, frame), entry.key.place, own)
    chosen.update({name: Setting(s.value, s.place, own, s.key) for name, s in settings.items()})
    bindings = bind(
        file.parameters,
        chosen,
        own,
        lambda data, earlier: evaluator.value(data, frame.with_bindings(earlier)),
        file.place,
        file.name,
    )
    own.bindings.update(bindings)  # in place: ops that were chosen above look their blocks up in it
    return own


def _main(file: File, models: dict[str, Definition]) -> str:
    """The model that runs if none is named.

    Called as the spec, or the only one that no other calls.
    """
    if file.name in models or not models:
        return file.name
    called = _called(models)
    roots = [name for name in models if name not in called]
    return roots[0] if roots else next(iter(models))


def _called(models: dict[str, Definition]) -> set[str | None]:
    """The models that others call, each definition looked at once."""
    names: set[str | None] = set()
    seen: set[int] = set()
    rest = list(models.values())
    while rest:
        for call in rest.pop().calls():
            names.add(call.model)
            if id(call.definition) not in seen:
                seen.add(id(call.definition))
                rest.append(call.definition)
    return names


__all__ = ["Mapping", "elaborate"]
