"""How Snake is written in ONNX."""

from archc_onnx.draft import Operand
from archc_onnx.line import At


def snake(at: At) -> Operand:
    x, alpha = at["x"], at.weight("alpha")
    wave = at.add("Sin", at.binary("Mul", x, alpha))
    return at.binary("Add", x, at.binary("Div", at.binary("Mul", wave, wave), alpha))


LINES = {"snake": snake}
