"""Numbers that follow from a candidate's graph alone: known before anything is built or trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import isfinite

from archc.cost import peak
from archc.ir.digest import VERSION
from archc.ir.program import Program
from archc.ir.vertices import hashed
from archc.search.candidate import Candidate
from archc.search.section import Limit, Search

ALWAYS = ("params", "macs")
STATIC: Mapping[str, Callable[[Program], int]] = {
    "params": lambda program: program.params,
    "macs": lambda program: program.macs,
    "activation_bytes": lambda program: peak(program.model),
}
"""By their names; symbolic dimensions are 1, as `archc show` counts."""
CLOCKED = ("latency_ms", "memory_mb")  # what is measured by the clock, in onnxruntime
SCORES = ("grad_norm", "synflow", "naswot")  # what is known of a network at its first weights
UNTRAINED = (*STATIC, *CLOCKED, *SCORES)  # what no training changes


def statics(candidate: Candidate, search: Search) -> dict[str, float]:
    """The numbers that every trial has, and those others that the search asks for."""
    program, names = candidate.program, {*ALWAYS, *search.asked}
    return {name: float(count(program)) for name, count in STATIC.items() if name in names}


def identity(candidate: Candidate, search: Search) -> str:
    """What decides whether two candidates of a search are the same.

    The digest, which sees no dead weights, and those numbers of the graph that the search goes by,
    which count them.
    """
    if search.asked.isdisjoint(STATIC):
        return candidate.digest
    counts = [count(candidate.program) for name, count in STATIC.items() if name in search.asked]
    return f"{VERSION}-{hashed(candidate.digest.encode(), repr(counts).encode()).hex()}"


def beyond(values: Mapping[str, float], limits: Iterable[Limit]) -> str:
    """The first limit that the values do not keep, in words; nothing if they keep all they can."""
    for limit in limits:
        value = values.get(limit.name)
        if value is not None and not isfinite(value):
            return f"{limit.name} is {value}, and has a limit"
        if value is not None and not limit.holds(value):
            over = limit.most is not None and value > limit.most
            bound = limit.most if over else limit.least
            return f"{limit.name} is {value:,.10g}, {'more' if over else 'less'} than {bound:,.10g}"
    return ""
