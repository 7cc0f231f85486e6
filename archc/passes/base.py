"""What a pass is, and what it promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from archc.errors import InternalError
from archc.ir.program import Definition, Program
from archc.ir.verify import HELP, verify


@dataclass(frozen=True)
class Pass(ABC):
    """A rewriting of programs: a frozen dataclass whose fields are its options.

    Calling it checks what it requires and what it ensures, the rules of the IR and the models'
    interfaces among it; the program that is given stays as it is. A broken promise raises
    InternalError E902.
    """

    inference: ClassVar[bool] = False  # the result is only good for inference
    keeps_weights: ClassVar[bool] = True  # every weight stays, under its name

    @property
    def name(self) -> str:
        return type(self).__name__

    def __call__(self, program: Program) -> Program:
        self._check(self.requires(program), "requires")
        result = self.run(program)
        if result is not program:
            verify(result)
            self._check(_interfaces(program, result), "ensures")
            if self.keeps_weights:
                self._check(_weights(program, result), "ensures")
        self._check(self.ensures(program, result), "ensures")
        return result

    @abstractmethod
    def run(self, program: Program) -> Program:
        """The rewritten program."""

    def requires(self, program: Program) -> str:
        """What is missing for the pass to run; empty if nothing is."""
        return ""

    def ensures(self, before: Program, after: Program) -> str:
        """What the pass failed to do; empty if nothing."""
        return ""

    def _check(self, problem: str, which: str) -> None:
        if problem:
            raise InternalError.of("E902", f"{self.name} {which}: {problem}", help=HELP)


def _interfaces(before: Program, after: Program) -> str:
    if before.main != after.main or list(before.models) != list(after.models):
        return "the models are the same"
    for name, model in before.models.items():
        if _interface(model) != _interface(after.models[name]):
            return f"the inputs and outputs of '{name}' are the same"
    return ""


def _interface(model: Definition) -> object:
    return list(model.input_types().items()), list(model.output_types().items()), model.grouped


def _weights(before: Program, after: Program) -> str:
    wanted = {entry.name: (entry.type, entry.owner) for entry in before.weights()}
    found = {entry.name: (entry.type, entry.owner) for entry in after.weights()}
    lost = next((name for name in wanted if found.get(name) != wanted[name]), None)
    if lost is not None:
        return f"the weight '{lost}' stays as it is"
    more = next((name for name in found if name not in wanted), None)
    return "" if more is None else f"there is no new weight '{more}'"
