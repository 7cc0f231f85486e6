"""What holds for every program before any backend sees it."""

from __future__ import annotations

from dataclasses import replace

from archc.errors import SpecError
from archc.format import format_text
from archc.ir.digest import digest
from archc.ir.parse import parse
from archc.ir.program import Program
from archc.ir.text import text
from archc.ir.verify import verify
from archc.passes.canonicalise import Canonicalise
from archc.passes.common_subexpressions import CommonSubexpressions
from archc.passes.dead_code import DeadCode
from archc.passes.flatten import flatten
from archc.passes.fold_batch_norm import FoldBatchNorm
from archc.passes.fold_constants import FoldConstants
from archc.pipeline import compile_text

PASSES = (Canonicalise(), FoldConstants(), CommonSubexpressions(), DeadCode())


def compiled(spec: str) -> Program:
    """The program, which follows the IR's rules; AssertionError where the spec is refused."""
    try:
        program = compile_text(spec)
    except SpecError as error:
        raise AssertionError(f"refused:\n{error}") from error
    verify(program)
    return program


def check(program: Program) -> None:
    """The text form says all of the program, and the digest what it computes and no more."""
    printed = text(program)
    again = parse(printed)
    assert text(again) == printed, "the text form of what was parsed differs"
    found = digest(program)
    assert digest(again) == found, "the digest of what was parsed differs"
    flat = flatten(program)
    verify(flat)
    assert digest(flat) == found, "the digest of the flat program differs"


def formatted(spec: str, program: Program) -> None:
    """The canonical form of the spec is its own, and says the same program."""
    canonical = format_text(spec)
    assert format_text(canonical) == canonical, f"formatted again it differs:\n{canonical}"
    again = compile_text(canonical)
    assert text(again) == text(program), f"formatted it is another program:\n{canonical}"


def rewritten(program: Program) -> Program:
    """The program after all passes that keep its weights; each checks what it promises."""
    for one in PASSES:
        program = one(program)
    FoldBatchNorm()(program)
    return program


def dead_steps_aside(program: Program) -> None:
    """Dead code changes no digest."""
    assert digest(DeadCode()(program)) == digest(program), "dead code changes the digest"


__all__ = ["check", "compiled", "dead_steps_aside", "replace", "rewritten"]
