"""A program to the source of one of its models, and of the models that this one calls."""

from __future__ import annotations

from typing import NamedTuple

from archc.errors import UsageError, did_you_mean
from archc.ir.nodes import OpNode
from archc.ir.program import Program
from archc.passes.expand import Expand
from archc_torch.group.grouping import grouped
from archc_torch.lines import table
from archc_torch.plan.library import Library
from archc_torch.write.file import file


class Source(NamedTuple):
    """A file's text, the class that is the network, and its inputs and outputs by name."""

    text: str
    name: str
    inputs: tuple[tuple[str, int | None], ...]  # how long a list is, None of a single tensor
    outputs: tuple[tuple[str, int | None], ...]


def emit(program: Program, model: str | None = None) -> Source:
    """The source of a model, the main one if none is named.

    Raises UsageError for an unknown model, UnsupportedError for a step that PyTorch cannot say.
    """
    name = model or program.main
    if name not in program.models:
        raise UsageError.of(
            "E703",
            f"{program.name} has no model '{name[:80]}'",
            help=did_you_mean(name, program.models),
        )
    library = Library(expanded(program), name)
    classes = grouped(library)
    sketch = library.sketch(library.main)
    return Source(
        file(classes),
        classes.of(library.main).name,
        tuple((each.name, len(each.types) if each.listed else None) for each in sketch.parameters),
        tuple((each.name, len(each.types) if each.listed else None) for each in sketch.outputs),
    )


def expanded(program: Program) -> Program:
    """The program with ops that have no line here taken apart."""
    supported = table().supported
    nodes = (node for each in program.definitions() for _, node in each.graph.nodes())
    unknown = any(isinstance(node, OpNode) and node.op.name not in supported for node in nodes)
    return Expand(supported)(program) if unknown else program
