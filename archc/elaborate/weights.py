"""The weights that an op's node owns: initialisers, ties, freezing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archc import init as initialisers
from archc.elaborate.context import MAX_WEIGHT, StepError, Unroll
from archc.elaborate.evaluate import plain_argument
from archc.elaborate.scope import Frame
from archc.errors import did_you_mean
from archc.ir.nodes import Weight, WeightRef
from archc.ir.types import FLOATING
from archc.ops.base import Op
from archc.ops.site import Site, WeightType
from archc.spec.ast import Step
from archc.spec.data import Data

if TYPE_CHECKING:
    from archc.elaborate.elaborator import Elaborator


def own_weights(
    e: Elaborator,
    frame: Frame,
    step: Step,
    op: Op,
    site: Site,
    path: str,
    defaults: Mapping[str, Any],
) -> tuple[Weight, ...]:
    """What the op has declared, with the step's modifiers and the spec's defaults for the op."""
    found: list[Weight] = []
    if site.weights:
        frozen = frame.frozen or bool(defaults.get("freeze"))
        if step.freeze is not None:
            frozen = e.evaluator.condition(step.freeze, frame)
        inits = defaults.get("init") or {}
        found = [
            weight(e, frame, step, op, declared, path, inits, frozen)
            for declared in site.weights.values()
        ]
    if step.tie is not None or step.init is not None:
        check_weight_names(step, op, site)
    return tuple(found)


def weight(
    e: Elaborator,
    frame: Frame,
    step: Step,
    op: Op,
    declared: WeightType,
    path: str,
    inits: Mapping[str, Any],
    frozen: bool,
) -> Weight:
    """A declared weight with the step's modifiers: initialiser and tie."""
    name, type = declared.name, declared.type
    init, tie = declared.init, None
    chosen = step.init.get(name) if step.init else None
    if chosen is not None:
        init = parse_init(e.evaluator.value(chosen, frame), chosen)
    elif name in inits:
        init = parse_init(inits[name], step.data)
    if type.least > MAX_WEIGHT:
        raise StepError.of(
            "E311",
            f"the weight '{name}' would have {type.least:,} numbers",
            step.head_place,
            notes=frame.builder.trace,
        )
    unfit = initialisers.problem(init, type.dims, type.dtype)
    if unfit is not None and declared.value is None:
        place = chosen.place if chosen is not None else step.head_place
        raise StepError.of("E207", f"{op.name}: {name}: {unfit}", place)
    if type.dtype not in FLOATING and not (frozen or declared.buffer):
        raise StepError.of(
            "E303",
            f"a weight of {type.dtype} cannot be trained",
            step.head_place,
            help="add freeze: true",
        )
    if step.tie is not None and name in step.tie:
        tie = tied(e, frame, step.tie.entries[name].value, declared)
    return Weight(
        name,
        path if op.own_path else f"{path}.{name}",
        type,
        init,
        buffer=declared.buffer or (frozen and op.own_path),
        trained=not frozen and not declared.buffer,
        tie=tie,
        value=declared.value,
    )


def parse_init(value: Any, data: Data) -> initialisers.Init:
    if isinstance(value, initialisers.Init):
        return value
    for part in value.values() if isinstance(value, Mapping) else ():
        plain_argument(part)
    try:
        return initialisers.parse(value)
    except ValueError as error:
        raise StepError.of("E207", f"init: {error}", data.place) from error


def tied(e: Elaborator, frame: Frame, data: Data, declared: WeightType) -> WeightRef:
    from archc.elaborate.references import weight_reference

    text = e.evaluator.value(data, frame)
    found = weight_reference(e, text, data.place, frame) if isinstance(text, str) else None
    if found is None:
        raise StepError.of(
            "E313",
            f"there is no weight '{text}' to tie to",
            data.place,
            help="a weight's name is its step's path and its own: wte.weight",
        )
    ref, type, builder = found
    if builder is not frame.builder and ref.model is None:
        if frame.builder.unrolls is not None:
            raise Unroll(frame.builder.unrolls)
        raise StepError.of("E313", f"the weight '{text}' is outside the scanned steps", data.place)
    if type != declared.type:
        raise StepError.of(
            "E310",
            "tied weights have different shapes",
            data.place,
            label=f"{type}",
            notes=(f"{declared.name} is {declared.type}",),
        )
    return ref


def check_weight_names(step: Step, op: Op, site: Site) -> None:
    """`tie` and `init` name weights that the op has."""
    for written in (step.tie, step.init):
        for name, entry in written.entries.items() if written else ():
            if name not in site.weights:
                raise StepError.of(
                    "E313",
                    f"{op.name} has no weight '{name}' here",
                    entry.key.place,
                    help=did_you_mean(str(name), site.weights),
                )
