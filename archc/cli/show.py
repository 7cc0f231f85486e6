"""Show a network: its steps with output shapes, parameters and MACs, by block and in total.

MACs are multiply-accumulates of convolutions, linear layers and matrix products for one input, with
every symbolic dimension at 1 unless --at says otherwise. Parameters are learnable ones, a tied
weight counted once.

Examples:
  archc show resnet50
  archc show gpt2 --at N=1,T=1024 --depth 9
  archc show net.yaml --set width=32 --json
  archc show unet --graph mermaid
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence

from archc.catalog import first_sentence, grouped
from archc.cli.options import add_at, add_choices, add_model, add_spec, check_sizes, choose_model
from archc.cli.report import print_json, report
from archc.cli.terminal import (
    RULE,
    Column,
    counted,
    fitted,
    painter,
    short,
    table,
    width,
)
from archc.cost import Row
from archc.errors import Paint, printable
from archc.ir.program import Definition, Program
from archc.ir.types import TensorType, product

LINES = 60  # of a table that is not asked for at a certain depth


def configure(parser: ArgumentParser) -> None:
    add_spec(parser)
    add_choices(parser)
    add_model(parser)
    add_at(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--depth", type=int, metavar="N", help="so many levels of blocks within blocks"
    )
    how.add_argument("--flat", action="store_true", help="every step by its full path")
    how.add_argument("--ir", action="store_true", help="the typed program as text")
    how.add_argument(
        "--graph", choices=("mermaid", "dot"), help="a picture's text, for Mermaid or Graphviz"
    )


def run(args: Namespace) -> int:
    from archc.cost import table as cost_table
    from archc.pipeline import compile

    program = compile(args.spec, variant=args.variant, set=args.set)
    if not program.models:
        return no_network(program, args)
    if args.ir:
        from archc.ir.text import text

        print(text(program), end="")
        return 0
    model = choose_model(args.model, list(program.models), program.main)
    definition = program.models[model]
    if args.graph:
        from archc.picture import dot, mermaid

        print((mermaid if args.graph == "mermaid" else dot)(definition), end="")
        return 0
    check_sizes(args.at, definition.symbols())
    row = cost_table(program, model, args.at)
    if args.json:
        print_json(as_json(program, model, row, args.at))
        return 0
    if not args.quiet:
        report(program.warnings, args)
    for line in lines(program, model, row, args):
        print(line)
    return 0


def no_network(program: Program, args: Namespace) -> int:
    """A file that only offers blocks."""
    blocks = list(program.file.blocks) if program.file is not None else []
    if args.json:
        print_json({"name": program.name, "blocks": blocks})
    else:
        print(printable(f"{program.name} describes no network; its blocks are {', '.join(blocks)}"))
    return 0


# -- for machines ----------------------------------------------------------------------------------


def as_json(program: Program, model: str, row: Row, at: dict[str, int]) -> dict[str, object]:
    definition = program.models[model]
    return {
        "name": program.name,
        "variant": program.variant,
        "model": model,
        "models": list(program.models),
        "task": program.task,
        "doc": program.doc.strip(),
        "params": row.params,
        "macs": row.macs,
        "at": {name: at.get(name, 1) for name in definition.symbols()},
        "inputs": {name: type_json(type) for name, type in definition.input_types().items()},
        "outputs": {name: type_json(type) for name, type in definition.output_types().items()},
        "steps": [step_json(one) for one in row.steps() if not is_number(one)],
    }


def type_json(type: TensorType) -> dict[str, object]:
    """An element type and sizes: numbers, and symbolic ones as text."""
    dims = [dim if isinstance(dim, int) else str(dim) for dim in type.dims]
    return {"dtype": type.dtype, "dims": dims}


def step_json(row: Row) -> dict[str, object]:
    return {
        "path": row.path,
        "op": row.what,
        "outputs": [type_json(type) for type in row.declared],
        "params": row.params,
        "macs": row.macs,
    }


# -- for people ------------------------------------------------------------------------------------


def lines(program: Program, model: str, row: Row, args: Namespace) -> Iterator[str]:
    paint, room = painter(sys.stdout), width(sys.stdout)
    yield from heading(program, model, paint, room)
    yield ""
    everything = [one for one in below(row) if not is_number(one[2])]
    depth = args.depth if args.depth is not None else fitting(everything)
    if args.flat:
        rows = [(0, one.path, one) for _, _, one in everything if not one.rows]
    else:
        rows = [one for one in everything if one[0] < depth]
    hidden = not args.flat and len(rows) < len(everything)
    cells: list[Sequence[str]] = [step_cells(one, name, level) for level, name, one in rows]
    total = ["total", "", "", counted(row.params), counted(row.macs)]
    columns = [
        Column("step", flexible=True), Column("op", flexible=True, style="cyan"),
        Column("output", flexible=True), Column("parameters", "right"), Column("MACs", "right"),
    ]  # fmt: skip
    yield from table(columns, [*cells, RULE, total], room, paint)
    if hidden:
        yield paint("steps inside blocks are left out: --depth N shows more, --flat all", "dim")
    yield from footer(program, model, row, args.at)


def heading(program: Program, model: str, paint: Paint, room: int | None) -> Iterator[str]:
    """The name, what it is, inputs and outputs."""
    definition = program.models[model]
    name = program.name if model in (program.name, program.main) else f"{program.name}, {model}"
    text = printable(f"{name}  {first_sentence(program.doc)}").rstrip()
    text = text if room is None else fitted(text, room)
    yield paint(text[: len(name)], "bold") + text[len(name) :]
    if program.task:
        task = printable(f"  {' '.join(program.task.split())}")
        yield paint(task if room is None else fitted(task, room), "dim")
    ends = {
        "→": dict(grouped(definition.input_types())),
        "←": dict(grouped(definition.output_types())),
    }
    wide = max((len(one) for types in ends.values() for one in types), default=0)
    for mark, types in ends.items():
        for one, text in types.items():
            yield f"  {paint(mark, 'dim')} {printable(one):<{wide}}  {text}"
    others = [one for one in program.models if one != model]
    if others:
        yield paint(printable(f"  other models (--model): {', '.join(others)}"), "dim")


def below(row: Row, level: int = 0) -> Iterator[tuple[int, str, Row]]:
    """The rows below one: level, path within the row above, row."""
    for one in row.rows:
        yield level, one.path.removeprefix(f"{row.path}."), one
        yield from below(one, level + 1)


def is_number(row: Row) -> bool:
    """A literal among a step's inputs, which is no step."""
    return row.what == "constant" and row.path.rpartition(".")[2].startswith("constant_")


def fitting(rows: Sequence[tuple[int, str, Row]]) -> int:
    """The most levels whose lines are few enough, one at least."""
    deepest = max((level for level, _, _ in rows), default=0)
    for depth in range(deepest + 1, 1, -1):
        if sum(level < depth for level, _, _ in rows) <= LINES:
            return depth
    return 1


def step_cells(row: Row, name: str, level: int) -> list[str]:
    what = row.what + (f" x {row.count}" if row.count > 1 else "")
    shape = row.declared[0].shape_text if row.declared else ""
    if row.declared and row.declared[0].dtype != "float32":
        shape = str(row.declared[0])
    more = f" +{len(row.declared) - 1}" if len(row.declared) > 1 else ""
    return [
        "  " * level + name, what, shape + more, counted(row.params) if row.params else "",
        counted(row.macs) if row.macs else "",
    ]  # fmt: skip


def footer(program: Program, model: str, row: Row, at: dict[str, int]) -> Iterator[str]:
    """The totals in words."""
    definition: Definition = program.models[model]
    sizes = [f"{name}={at.get(name, 1)}" for name in definition.symbols()]
    where = f" at {', '.join(sizes)}" if sizes else ""
    size = sum(weight_bytes(program, model))
    yield f"{short(row.params)} parameters, {size / 1e6:,.1f} MB; {short(row.macs)} MACs{where}"


def weight_bytes(program: Program, model: str) -> Iterator[int]:
    """The bytes of each stored weight, a tied one once."""
    from archc.ir.types import ITEM_BYTES

    for entry in program.weights(model):
        if entry.owner is None:
            elements = product(entry.type.dims)
            assert isinstance(elements, int)
            yield elements * ITEM_BYTES[entry.type.dtype]
