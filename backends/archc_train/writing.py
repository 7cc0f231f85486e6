"""Text from a language model, token by token.

A model that carries a state from step to step, or a cache, reads each token once, so that a text
takes time in proportion to its length. Any other reads what is there anew for each token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import archc_torch
from archc.errors import SpecError, UsageError
from archc.ir.program import Definition, Program
from archc.ir.substitution import substitute
from archc.ir.types import TensorType
from archc.pipeline import compile
from archc.train import read
from archc.train.sources import sources
from archc_torch.calling import call
from archc_train.data.tokens import START, coder_of
from archc_train.run import Run

WINDOW = 128  # tokens that a model was trained on together, unless its data says otherwise
Read = Callable[[list[int]], Tensor]  # more tokens → logits of the next one, [vocabulary]


@dataclass(frozen=True, slots=True)
class Author:
    """A model that writes: how tokens go in, and which outputs come back as which inputs."""

    program: Program
    model: str
    tokens: str  # the input: many, [N, T], or one, [N]
    carried: Mapping[str, str]  # inputs, lists by their own names → outputs

    @property
    def definition(self) -> Definition:
        return self.program.models[self.model]

    @property
    def states(self) -> dict[str, TensorType]:
        """What is carried, as inputs."""
        types = self.definition.input_types()
        return {n: type for n, type in types.items() if n.partition(".")[0] in self.carried}

    @property
    def grows(self) -> bool:
        """Whether what is carried becomes larger with the text, as a cache does."""
        batch = self.definition.input_types()[self.tokens].dims[0]
        return any(str(d) != str(batch) for t in self.states.values() for d in t.dims if not_int(d))


def not_int(size: object) -> bool:
    return not isinstance(size, int)


def author(program: Program, model: str | None) -> Author | None:
    """The model that writes; one that carries something is preferred, as it is faster.

    Where the spec has a parameter `step`, that is another way to look for one.
    """
    names = [model] if model is not None else list(program.models)
    found = [one for name in names if (one := as_author(program, name)) is not None]
    if not found:
        return None
    carrying = [one for one in found if one.carried]
    if not carrying and model is None and program.parameters.get("step") is False:
        carrying = stepping(program)
    several = [one for one in carrying if one.tokens == "tokens"]  # a prompt is read at once
    return (several or carrying or found)[0]


def stepping(program: Program) -> list[Author]:
    """Those of the spec with `step: true`."""
    assert program.file is not None and program.file.path is not None
    try:
        other = compile(program.file.path, set={**program.settings, "step": True})
    except SpecError:  # it means something else there
        return []
    found = [as_author(other, name) for name in other.models]
    return [one for one in found if one is not None and one.carried]


def as_author(program: Program, name: str) -> Author | None:
    """The model, if tokens are all that it needs from outside."""
    model = program.models[name]
    inputs = dict.fromkeys(one.partition(".")[0] for one in model.input_types())
    outputs = dict.fromkeys(model.grouped.get(one, one) for one in model.outputs)
    tokens = next((one for one in ("tokens", "token") if one in inputs), None)
    if tokens is None:
        return None
    given, scores = model.input_types()[tokens], model.output_types()[logits(model)]
    if given.dtype != "int64" or scores.rank != given.rank + 1:  # a classifier, say
        return None
    carried: dict[str, str] = {}
    for one in inputs:
        back = next((o for o in (one, one.removeprefix("past_")) if o in outputs), None)
        if one != tokens and back is None:
            return None
        if one != tokens and back is not None:
            carried[one] = back
    return None if tokens == "token" and not carried else Author(program, name, tokens, carried)


def logits(model: Definition) -> str:
    """The output with a number for each token of a vocabulary."""
    return "logits" if "logits" in model.outputs else next(iter(model.outputs))


@torch.inference_mode()
def written(
    run: Run,
    program: Program,
    author: Author,
    weights: Path,
    prompt: str | None,
    length: int,
    temperature: float,
    top: int | None,
    generator: torch.Generator,
) -> str:
    """The prompt with `length` more characters or pieces, each drawn given all before.

    Raises UsageError E812, InputError E807 for a prompt that the vocabulary cannot say.
    """
    facts = run.about.get("facts", {})
    if not facts.get("vocabulary"):
        what = f"the run of {program.name} has no vocabulary to write with"
        raise UsageError.of("E812", what)
    coder = coder_of(facts)
    tokens = [int(n) for n in coder.encode(beginning(facts["vocabulary"], prompt))]
    if not tokens:
        raise UsageError.of("E812", "a text begins with something", help='--prompt "The"')
    network = archc_torch.module(author.program, weights, model=author.model).eval()
    room = window(program, read(program, run.about["changes"]).data)
    more = reader(author, network, room)
    new = tokens
    known = len(facts["vocabulary"])  # the network may have room for more
    for _ in range(length):
        new = [chosen(more(new)[:known], temperature, top, generator)]
        tokens = tokens + new
    return coder.decode(tokens)


def beginning(vocabulary: list[str], prompt: str | None) -> str:
    """The prompt; without one a new line, or what the vocabulary has in its place."""
    if prompt is not None:
        return prompt
    plain = [token for token in vocabulary if token != START and not token.startswith("<")]
    return "\n" if "\n" in vocabulary else (plain or [""])[0]


def window(program: Program, data: Any) -> int:
    """How many tokens the model was trained on together: it knows no later places."""

    def find(value: Any) -> int | None:
        if not isinstance(value, Mapping):
            return None
        own = value.get("window")
        if isinstance(own, int):
            return own
        return next((size for one in value.values() if (size := find(one)) is not None), None)

    return find(data) or find(sources(program)) or WINDOW


def reader(author: Author, network: nn.Module, room: int) -> Read:
    """What reads tokens: with what it carried, or from the beginning each time."""
    seen: list[int] = []
    state: dict[str, Tensor] = {}
    name = logits(author.definition)

    def outputs(tokens: Tensor) -> dict[str, Tensor]:
        return call(network, {author.tokens: tokens, **state})

    def carry(tokens: list[int]) -> Tensor:
        if author.grows and len(seen) + len(tokens) > room:
            tokens = [*seen, *tokens][-max(1, room // 2) :]
            seen.clear()
            state.clear()
        if not state:
            state.update({one: empty(type) for one, type in author.states.items()})
        parts = [tokens] if author.tokens == "tokens" else [[one] for one in tokens]
        found: dict[str, Tensor] = {}
        for part in parts:
            found = outputs(torch.tensor([part] if author.tokens == "tokens" else part))
            for one in state:
                head, dot, number = one.partition(".")
                state[one] = found[f"{author.carried[head]}{dot}{number}"]
        seen.extend(tokens)
        return last(found[name])

    def again(tokens: list[int]) -> Tensor:
        seen.extend(tokens)
        return last(outputs(torch.tensor([seen[-room:]]))[name])

    return carry if author.carried else again


def empty(type: TensorType) -> Tensor:
    """A state before the first token: zeros, and nothing along what grows."""
    batch = next((d for d in type.dims if str(d) == "N"), None)
    sizes = {name: 1 if batch is not None and name == "N" else 0 for name in type.symbols}
    shape = [substitute(dim, sizes) for dim in type.dims]
    return torch.zeros([int(str(size)) for size in shape])


def last(logits: Tensor) -> Tensor:
    return logits[0, -1] if logits.ndim == 3 else logits[0]


def chosen(logits: Tensor, temperature: float, top: int | None, generator: torch.Generator) -> int:
    """One drawn token: of the `top` likeliest, the likeliest itself at temperature 0."""
    if temperature == 0:
        return int(logits.argmax())
    logits = logits / temperature
    if top is not None:
        least = logits.topk(min(top, len(logits))).values[-1]
        logits = logits.masked_fill(logits < least, -torch.inf)
    return int(torch.multinomial(logits.softmax(-1), 1, generator=generator))
