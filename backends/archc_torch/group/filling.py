"""What stands in each hole of a class once its arguments are chosen, and the arguments in order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from archc.spec.data import Scalar
from archc.spec.values import Argument
from archc_torch import names, spelling
from archc_torch.code import Hole
from archc_torch.group.arguments import Choice
from archc_torch.group.classes import WIDTHS, Arg, Class, Passed
from archc_torch.group.formulas import agrees, python, renamed, translated, values
from archc_torch.group.rows import ABSENT, Row, constant, meaning, same

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_TABLE = 1000  # characters of a formula that is still plainer than the table it makes


def fill(found: Class, choice: Choice) -> None:
    """Gives the class its arguments, and every hole and call of it what is written there."""
    _arrange(found, choice)
    _derive(found, choice)
    found.passed = [name for name in found.sketch.definition.parameters if _passes(choice, name)]
    words = {arg.key: arg.name for arg in found.args}
    known = {arg.name: arg.row for arg in found.args if not arg.config}
    for hole, row in found.rows():
        text = choice.formulas.get(id(hole)) or _table(choice, hole, row)
        text = text or _width(choice, hole, row)
        found.texts[id(hole)] = python(renamed(text, words)) if text else _said(row, known)
    for part, arg, row in choice.calls:
        config = arg.config and arg.key in choice.config and constant(row)
        text = words.get(arg.key, "") if config else ""
        found.calls.setdefault(id(part), []).append(Passed(arg, text or _said(row, known), row[0]))
    found.said = dict(choice.said)
    for text, row in sorted(choice.widths, key=lambda item: -len(item[0])):
        found.said[row[0]] = text
    for size in [size for size in found.said if _ambiguous(choice, size)]:
        del found.said[size]
    found.said = {size: renamed(text, words) for size, text in found.said.items()}
    for gap, text in choice.conditions.items():
        found.conditions[gap] = python(renamed(text, words))


def _ambiguous(choice: Choice, size: object) -> bool:
    """Whether several parameters have the size, so that it says nothing to call it by one."""
    return len({text for text, row in choice.widths if row[0] == size and text.isidentifier()}) > 1


# ---- the arguments


def _arrange(found: Class, choice: Choice) -> None:
    """The arguments in order: widths first, then the rest, those with a default last."""
    widths = [row for hole, row in choice.holes if hole.hint in WIDTHS]
    widths += [row for _, arg, row in choice.calls if arg.width]
    order = [*found.facts, *found.bound, *choice.config, *choice.chosen]
    for key in dict.fromkeys(name for name in order if name in choice.chosen):
        row = choice.chosen[key]
        config = key in choice.config and key not in found.bound
        if config:
            width = any(text == key for text, _ in choice.widths)
        else:
            width = any(same(other, row) for other in widths)
        usual = next(value for value in row if value is not ABSENT)
        there = tuple(usual if value is ABSENT else value for value in row)
        word = names.safe(key, {*choice.taken, *(arg.name for arg in found.args)})
        found.args.append(Arg(word, there, _default(found, key, row), key, width, config=config))
    found.args.sort(key=lambda arg: (arg.default is not ..., not arg.width))


def _default(found: Class, name: str, row: Row) -> object:
    """The parameter's default in the spec, where some instance has it."""
    template = found.template
    for parameter in template.parameters if template is not None else ():
        data = parameter.default
        if (
            parameter.name == name
            and parameter.type is None
            and isinstance(data, Scalar)
            and data.formula is None
            and any(type(value) is type(data.value) and value == data.value for value in row)
        ):
            return data.value
    return ...


def _derive(found: Class, choice: Choice) -> None:
    """Finds the parameters that the spec computes from others: the constructor does so, too."""
    template = found.template
    if template is None:
        return
    defaults = {each.name: spelling.formula(each.default) for each in template.parameters}
    for arg in reversed(found.args):
        formula = defaults.get(arg.key, "")
        if not formula:
            continue
        others = {
            other.key: other for other in found.args if other is not arg and not other.formula
        }
        made = translated(formula, partial(_among, others, choice))
        if made is None or not made[1] or not agrees(arg.row, values(*made, choice.count)):
            continue
        if made[1].keys() <= {other.name for other in others.values()}:
            arg.formula = python(made[0])


def _among(others: Mapping[str, Arg], choice: Choice, name: str) -> tuple[str, Row] | None:
    """What a formula's name means in terms of other arguments."""
    if name in others:
        return others[name].name, others[name].row
    meant = choice.resolve(name)
    if meant is None or constant(meant[1]):
        return meant
    return meant if meant[0] in {other.name for other in others.values()} else None


def _passes(choice: Choice, name: str) -> bool:
    """Whether a parameter that passes through is used at all."""
    rows = [row for _, row in choice.found.rows()] + [row for _, _, row in choice.calls]
    return any(isinstance(value, Argument) and value.name == name for row in rows for value in row)


# ---- the holes


def _said(row: Row, known: Mapping[str, Row]) -> str:
    """A name or an expression, `4 * planes`; empty where the row is one literal."""
    if isinstance(row[0], Argument):
        return names.safe(row[0].name, ())
    if constant(row):
        return ""
    explained = meaning(row, known)
    assert explained is not None, (row, known)
    return explained.text


def _width(choice: Choice, hole: Hole, row: Row) -> str:
    """A number of channels or features by the expression that counted them elsewhere."""
    if hole.hint not in WIDTHS or not constant(row):
        return ""
    fitting = [text for text, other in choice.widths if same(other, row)]
    return min(fitting, key=len, default="")


def _table(choice: Choice, hole: Hole, row: Row) -> str:
    """A large table as the formula that makes it, where that is in terms of the class."""
    if not hole.formula or not isinstance(row[0], tuple):
        return ""
    found, classes = choice.found, choice.found.classes
    keys = {arg.key for arg in found.args}
    constants: dict[str, object] = {}

    def resolve(name: str) -> tuple[str, Row] | None:
        listed = classes.library.program.parameters.get(name)
        if isinstance(listed, list) and name not in found.sketch.definition.bound:
            word = names.unique(name.upper(), classes.taken)
            constants[word] = listed
            return word, (listed,) * choice.count
        meant = choice.resolve(name)
        if meant is None or meant[0] in keys or not meant[0].isidentifier():
            return meant
        return (repr(meant[1][0]), meant[1]) if constant(meant[1]) else None

    made = translated(hole.formula, resolve, LONGEST_TABLE)
    if made is None or not agrees(row, values(*made, choice.count)):
        return ""
    classes.constants.update(constants)
    return made[0]
