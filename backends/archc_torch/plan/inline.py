"""How much is written in place in one expression: as much as still reads well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archc_torch.code import Expr, Make, Recipe, Val, length
from archc_torch.plan.values import Values
from archc_torch.use import NeedsVariable

DEEPEST = 3  # calls nested in one expression
MOST_INSIDE = 3  # operands that are written in place in an expression that is too long
WIDEST = 80  # characters of one expression


def fit(
    values: Values,
    vals: Mapping[str, Val],
    make: Make,
    spent: Mapping[str, int] | None = None,
    light: bool = False,
) -> Expr:
    """The expression on these values, with as many of them written in place as reads well.

    `spent` tells how often `make` wrote each operand. `light` says that it is a function without
    weights, which is to stay with what it is applied to.
    """
    operands = {slot: values.take(val) for slot, val in vals.items()}

    def hold(slot: str) -> None:
        operands[slot] = values.hold(vals[slot], operands[slot])

    while True:
        try:
            expr = make(operands)
        except NeedsVariable as needs:
            hold(needs.slot)
            continue
        inside = [slot for slot in vals if not operands[slot].simple]
        twice = [slot for slot in inside if spent and spent.get(slot, 0) > 1]
        # A block's input is no other block's call; a model shows what each of its parts is given.
        blocks = [slot for slot in inside if operands[slot].composite]
        apart = twice or (expr.composite and (blocks or (inside if values.model else [])))
        if apart:
            hold(apart[0])
        elif not inside or (expr.depth <= DEEPEST and length(expr.code) <= WIDEST):
            composite = expr.composite or bool(blocks)
            return replace(expr, composite=composite, recipe=Recipe(vals, make, operands, light))
        elif len(inside) > MOST_INSIDE:
            for slot in inside:
                hold(slot)
        else:
            worst = max(
                inside, key=lambda slot: (operands[slot].depth, length(operands[slot].code))
            )
            shorter = shortened(values, operands[worst]) if light else None
            if shorter is None:
                hold(worst)
            else:
                operands[worst] = shorter


def shortened(values: Values, expr: Expr) -> Expr | None:
    """The expression after a function in it has a variable, so that it stays with its module."""
    recipe = expr.recipe
    if recipe is None:
        return None
    for slot, operand in recipe.operands.items():
        if operand.recipe is not None and operand.recipe.light and not operand.simple:
            operands = {**recipe.operands, slot: values.hold(recipe.vals[slot], operand)}
            return replace(recipe.make(operands), recipe=recipe._replace(operands=operands))
    return None
