"""A whole file of PyTorch: header, helpers, classes, tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from archc import __version__
from archc.errors import UsageError, did_you_mean
from archc.ir.nodes import OpNode
from archc.ir.program import Program
from archc.passes.expand import Expand
from archc_torch import names
from archc_torch.classes import Classes
from archc_torch.code import literal
from archc_torch.library import Library
from archc_torch.lines import table
from archc_torch.render import Renderer, fill
from archc_torch.sketch import Parameter
from archc_torch.wrap import INDENT, WIDTH


@dataclass(frozen=True, slots=True)
class Source:
    """A file's text, the class that is the network.

    And its inputs and outputs by their names in the spec.
    """

    text: str
    name: str
    inputs: tuple[tuple[str, int | None], ...]  # how long a list is, None of a single tensor
    outputs: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Outputs:
    """The named tuple that a model of several outputs gives."""

    name: str
    fields: tuple[tuple[str, bool], ...]  # a field's name, and whether it is a list


def emit(program: Program, model: str | None = None) -> Source:
    """The source of one model and of the models that it calls."""
    name = model or program.main
    if name not in program.models:
        raise UsageError.of(
            "E703",
            f"{program.name} has no model '{name[:80]}'",
            help=did_you_mean(name, program.models),
        )
    program = expanded(program)
    library = Library(program, name)
    classes = Classes(library)
    _name_outputs(classes)
    tables: dict[str, object] = {}
    bodies = [Renderer(classes, found, tables).lines() for found in classes.order]
    tuples = [_tuple_lines(found.outputs) for found in classes.order if found.outputs is not None]
    parts = [*tuples, *bodies]
    used = "\n".join(line for part in parts for line in part)
    helpers = _helpers(used)
    text = _file(program, classes, helpers, parts, tables)
    sketch = library.sketch(library.main)
    return Source(
        text,
        classes.order[-1].name if classes.order[-1].sketch.top else classes.of(library.main).name,
        tuple(
            (p.name, len(p.types) if p.listed else None)
            for p in sketch.parameters or _whole(library)
        ),
        tuple((o.name, len(o.types) if o.listed else None) for o in sketch.outputs),
    )


def expanded(program: Program) -> Program:
    """The program with ops that have no line here taken apart."""
    supported = table().supported
    ops = (
        node.op
        for d in program.definitions()
        for _, node in d.graph.nodes()
        if isinstance(node, OpNode)
    )
    return program if all(op.name in supported for op in ops) else Expand(supported)(program)


def _whole(library: Library) -> list[Parameter]:
    """The input of a network that is an nn.Sequential."""
    return [Parameter(name, (type,)) for name, type in library.main.input_types().items()]


def _name_outputs(classes: Classes) -> None:
    """Names the tuples of models that have several outputs."""
    taken = {found.name for found in classes.order} | names.GLOBALS | set(table().helpers)
    for found in classes.order:
        taken |= found.sketch.locals
    for found in classes.order:
        outputs = found.sketch.outputs
        if found.sketch.definition.kind == "model" and len(outputs) > 1:
            fields: list[tuple[str, bool]] = []
            for output in outputs:
                field = names.safe(output.name, {name for name, _ in fields} | {"count", "index"})
                fields.append((field, output.listed))
            found.outputs = Outputs(names.unique(f"{found.name}Output", taken), tuple(fields))
            taken.add(found.outputs.name)


def _tuple_lines(outputs: Outputs | None) -> list[str]:
    assert outputs is not None
    rows = [
        f"{INDENT}{name}: {'list[Tensor]' if listed else 'Tensor'}"
        for name, listed in outputs.fields
    ]
    return [f"class {outputs.name}(NamedTuple):", *rows]


def _helpers(text: str) -> list[list[str]]:
    """The helpers that the text uses, and those that these use, in the order of the table."""
    known = table().helpers
    wanted: set[str] = set()
    search = text
    while True:
        found = {name for name in known if name not in wanted and re.search(rf"\b{name}\(", search)}
        if not found:
            return [known[name].strip("\n").split("\n") for name in known if name in wanted]
        wanted |= found
        search = "\n".join(known[name] for name in found)


def _file(
    program: Program,
    classes: Classes,
    helpers: list[list[str]],
    parts: list[list[str]],
    tables: dict[str, object],
) -> str:
    body = [line for part in [*helpers, *parts] for line in ["", "", *part]]
    for name, value in {**classes.constants, **tables}.items():
        body += ["", "", *packed(f"{name} = ", value, "")]
    used = "\n".join(body)
    lines = [*_header(program, classes), ""]
    standard = ["import math"] if re.search(r"\bmath\.", used) else []
    standard += (
        ["from collections import OrderedDict"] if re.search(r"\bOrderedDict\(", used) else []
    )
    standard += ["from typing import NamedTuple"] if "(NamedTuple):" in used else []
    lines += [*standard, *([""] if standard else []), "import torch"]
    if re.search(r"\bF\.", used):
        lines.append("import torch.nn.functional as F")
    lines.append(
        "from torch import Tensor, nn" if re.search(r"\bTensor\b", used) else "from torch import nn"
    )
    return "\n".join([*lines, *body]) + "\n"


def packed(head: str, value: object, tail: str, indent: str = "") -> list[str]:
    """A large literal.

    A row of numbers in as few lines as hold it, rows of rows one after the other.
    """
    if not isinstance(value, tuple | list):
        return [f"{indent}{head}{literal(value)}{tail}"]
    opening, closing = ("(", ")") if isinstance(value, tuple) else ("[", "]")
    whole = (
        f"{indent}{head}{opening}{', '.join(map(literal, value))}{closing}{tail}"
        if flat(value)
        else ""
    )
    if whole and len(whole) <= WIDTH and len(value) > 1:
        return [whole]
    lines = [f"{indent}{head}{opening}"]
    if flat(value) and not any(isinstance(item, str) for item in value):
        row = f"{indent}{INDENT}"
        for item in value:
            word = f"{literal(item)},"
            if row.strip() and len(row) + len(word) + 1 > WIDTH:
                lines.append(row)
                row = f"{indent}{INDENT}"
            row += f" {word}" if row.strip() else word
        lines.append(row)
    else:
        lines += [line for item in value for line in packed("", item, ",", indent + INDENT)]
    return [*lines, f"{indent}{closing}{tail}"]


def flat(value: Sequence[object]) -> bool:
    return not any(isinstance(item, tuple | list) for item in value)


def _header(program: Program, classes: Classes) -> list[str]:
    library = classes.library
    main = library.main
    title = (
        f"{program.name}: {library.name}"
        if program.prefixed and library.name != program.name
        else program.name
    )
    doc = names.one_line(program.doc)
    rows = [*fill((f"{title}. {doc}" if doc else f"{title}.").split(" "), WIDTH - 4), ""]
    sketch = library.sketch(main)
    for word, parts in (
        ("inputs ", sketch.parameters or _whole(library)),
        ("outputs", sketch.outputs),
    ):
        for part in parts:
            many = f"{len(part.types)} of " if part.listed else ""
            rows.append(f"{word}  {part.name}: {many}{part.types[0]}")
            word = " " * len(word)
    count = program.count_params(library.name)
    rows += ["", f"{count:,} parameters. Written by archc {__version__}; needs PyTorch alone."]
    return names.docstring(rows)
