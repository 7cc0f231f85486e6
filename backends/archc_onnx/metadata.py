"""What a file says about itself: where it comes from, and what a runtime's user needs to know.

| key | is |
|---|---|
| `archc.version` `archc.target` | who wrote the file, and for what |
| `archc.name` `archc.model` `archc.variant` | the spec, the model of it, its variant |
| `archc.digest` | the program's structural hash |
| `archc.labels` `archc.preprocess` | the spec's sections, as JSON |
| `archc.scale` | JSON, by input, the mean and deviation that bring its numbers to scale |
| `archc.vocabulary` `archc.tokenizer` | JSON, the tokens by number, and how a text becomes them |
| `archc.outputs` | JSON, the spec's output names to the file's, where an input has such a name |
| `archc.derived` | JSON, initialisers that are weights in another order, to the weights' names |
| `archc.places` | a line for each node: its name and its place in the spec |
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import metadata as distributions
from pathlib import PurePath
from typing import Final

from archc.ir.program import Program
from archc.place import Place
from archc_onnx.model import Graph
from archc_onnx.target import Target

DISTRIBUTION: Final = "archc-compiler"
# What is known about inputs and outputs: of the spec, or of the data that it was trained on.
CARRIED: Final = ("labels", "preprocess", "scale", "vocabulary", "tokenizer")


@cache
def version() -> str:
    """Archc's version; empty where it runs without having been installed."""
    try:
        return distributions.version(DISTRIBUTION)
    except distributions.PackageNotFoundError:
        return ""


def metadata(
    program: Program,
    model: str,
    target: Target,
    graph: Graph,
    outputs: Mapping[str, str],
    derived: Mapping[str, tuple[str, ...]],
) -> dict[str, str]:
    """The table above, without what is empty."""
    found = {
        "archc.version": version(),
        "archc.target": str(target),
        "archc.name": program.name,
        "archc.model": model,
        "archc.variant": program.variant or "",
        "archc.digest": _digest(program, model),
        **{f"archc.{key}": _json(program.metadata.get(key)) for key in CARRIED},
        "archc.outputs": _json({name: own for name, own in outputs.items() if name != own}),
        "archc.derived": _json(derived),
        "archc.places": "\n".join(_places(graph)),
    }
    return {key: value for key, value in found.items() if value}


def shown(place: Place | None) -> str:
    """`specs/resnet.yaml:31:9`; of a file given by its whole path the name alone."""
    if place is None:
        return ""
    name = place.source.name
    path = PurePath(name)
    return f"{path.name if path.is_absolute() else name}:{place.line}:{place.column}"


def _places(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        if node.doc:
            yield f"{node.name} {node.doc}"
        for value in node.attributes.values():
            if isinstance(value, Graph):
                yield from _places(value)


def _digest(program: Program, model: str) -> str:
    if program.main != model:
        from dataclasses import replace

        program = replace(program, main=model)
    return program.digest


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""
