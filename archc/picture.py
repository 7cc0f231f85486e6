"""A model's graph as the text of a picture, for Mermaid and for Graphviz.

One box a step of the model itself; a block or a called model is one box, copies in a row too. Edges
carry the shapes of what flows along them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archc.errors import printable
from archc.ir.nodes import CallNode, InputNode, Node, OpNode, WeightNode
from archc.ir.program import Definition


@dataclass(frozen=True, slots=True)
class Box:
    """A node of the picture: lines of text, and `end` (an input or output), `block` or `step`."""

    id: str
    lines: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge of the picture, from box to box."""

    source: str
    target: str
    label: str


def picture(definition: Definition) -> tuple[list[Box], list[Arrow]]:
    """The boxes and arrows of a model."""
    graph = definition.graph
    hidden = {id for id, node in graph.nodes() if _is_number(node)}
    boxes = [Box(f"n{id}", *_text(node)) for id, node in graph.nodes() if id not in hidden]
    boxes += [Box(f"o{k}", (name,), "end") for k, name in enumerate(definition.outputs)]
    uses = [(one, f"n{id}") for id in graph for one in graph.present(id) if one.node not in hidden]
    uses += [(one, f"o{k}") for k, one in enumerate(definition.outputs.values())]
    arrows = [Arrow(f"n{one.node}", target, graph.type(one).shape_text) for one, target in uses]
    return boxes, list(dict.fromkeys(arrows))


def _is_number(node: Node) -> bool:
    """A literal among a step's inputs."""
    return isinstance(node, OpNode) and node.op.name == "constant" and node.step is None


def _text(node: Node) -> tuple[tuple[str, ...], str]:
    match node:
        case InputNode():
            return (node.name, str(node.types[0])), "end"
        case CallNode():
            times = f" x {node.count}" if node.count > 1 else ""
            return (node.path, f"{node.definition.source or node.definition.name}{times}"), "block"
        case OpNode():
            return (node.path, node.op.name), "step"
        case WeightNode():
            return (node.ref.path, "weight"), "step"
    return (node.path,), "step"


def mermaid(definition: Definition) -> str:
    """A flowchart for Mermaid, which Markdown pages show as a picture."""
    shapes = {"end": ('(["', '"])'), "block": ('[["', '"]]'), "step": ('["', '"]')}
    boxes, arrows = picture(definition)
    lines = ["flowchart TD"]
    for box in boxes:
        left, right = shapes[box.kind]
        lines.append(f"  {box.id}{left}{'<br>'.join(map(_entities, box.lines))}{right}")
    lines += [f'  {one.source} -->|"{_entities(one.label)}"| {one.target}' for one in arrows]
    return "\n".join(lines) + "\n"


def _entities(text: str) -> str:
    """Text without anything that means something to Mermaid or HTML."""
    return "".join(_entity(c) for c in printable(text))


def _entity(character: str) -> str:
    return f"#{ord(character)};" if character in '#"&<>|`{}' else character


def dot(definition: Definition) -> str:
    """A digraph for Graphviz."""
    return "\n".join(_dot(definition)) + "\n"


def _dot(definition: Definition) -> Iterator[str]:
    shapes = {"end": "oval", "block": "box3d", "step": "box"}
    boxes, arrows = picture(definition)
    yield f"digraph {_string(definition.name)} {{"
    yield '  node [fontname="Helvetica"]; edge [fontname="Helvetica", fontsize=10];'
    for box in boxes:
        label = "\\n".join(_escaped(line) for line in box.lines)
        yield f'  {box.id} [shape={shapes[box.kind]}, label="{label}"];'
    for one in arrows:
        yield f"  {one.source} -> {one.target} [label={_string(one.label)}];"
    yield "}"


def _string(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')
