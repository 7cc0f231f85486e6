"""All classes of a library: which are functions, what they are called, what they take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from archc_torch import names, tree
from archc_torch.group.arguments import Choice, widths
from archc_torch.group.classes import Class, Classes, Outputs
from archc_torch.group.filling import fill
from archc_torch.lines import table
from archc_torch.sketch import Branch, Leaf, leaves

if TYPE_CHECKING:
    from archc_torch.plan.library import Library


def grouped(library: Library) -> Classes:
    """The classes of one model, callees before callers."""
    classes = Classes(library)
    _functions(classes)
    _names(classes)
    words = widths(classes)
    for found in classes.order:
        fill(found, Choice(found, words))
    _outputs(classes)
    return classes


def _functions(classes: Classes) -> None:
    """Which classes are functions: those without weights and state that are needed as no module."""
    for found in classes.order:
        found.function = classes.library.pure(found.sketch)
    changed = True
    while changed:
        changed = False
        for outer in classes.order:
            needed = set(map(id, _needed(classes, outer.sketch.modules)))
            for leaf in leaves(outer.sketch.modules):
                inner = classes.of(leaf.callee) if leaf.callee is not None else None
                if inner is None:
                    continue
                if inner.function and id(leaf) in needed:
                    inner.function = False
                    changed = True
                if outer.function and not inner.function:
                    outer.function = False
                    changed = True


def _needed(classes: Classes, branch: Branch) -> Iterator[Leaf]:
    """The leaves that must be modules: elements of chains and of lists, and what is repeated.

    A list goes if all that would be in it are functions.
    """
    listed = tree.kind(branch) in ("Sequential", "ModuleList")
    indexed = listed and not all(
        isinstance(child, Leaf)
        and child.callee is not None
        and child.count == 1
        and classes.of(child.callee).function
        for child in branch.children.values()
    )
    for child in branch.children.values():
        if isinstance(child, Branch):
            yield from _needed(classes, child)
        elif branch.chain or indexed or child.count > 1:
            yield child


def _names(classes: Classes) -> None:
    """What each class or function is called."""
    program = classes.library.program
    taken = {*names.GLOBALS, *table().helpers}
    for found in classes.order:
        taken |= found.sketch.locals
        taken |= {parameter.variable for parameter in found.sketch.parameters}
    for found in classes.order:
        word = program.name if found.sketch.top and not program.prefixed else found.source
        if found.sketch.definition.kind == "body":
            word = names.singular(word.rstrip("_0123456789") or "step")
        if found.function:
            found.name = names.safe(word, taken)
        else:
            name = names.camel(word)
            found.name = names.unique(
                name + _mark(classes, found) if name in taken else name, taken
            )
            if found.name in ("None", "True", "False"):
                found.name = names.unique(f"{found.name}Block", taken)
        taken.add(found.name)
    classes.taken = taken


def _mark(classes: Classes, found: Class) -> str:
    """The switch of a block that is on in this class, and off in all others of that block."""
    others = [each for each in classes.order if each.source == found.source and each is not found]

    def always(each: Class, name: str, setting: bool) -> bool:
        return all(sketch.definition.bound.get(name) is setting for sketch in each.sketches)

    for name in found.sketch.definition.bound:
        off = others and all(always(other, name, False) for other in others)
        if off and always(found, name, True):
            return names.camel(name)
    return ""


def _outputs(classes: Classes) -> None:
    """Names the tuples of models that have several outputs."""
    taken = {found.name for found in classes.order} | names.GLOBALS | set(table().helpers)
    taken = taken.union(*(found.sketch.locals for found in classes.order))
    for found in classes.order:
        outputs = found.sketch.outputs
        if found.sketch.definition.kind != "model" or len(outputs) < 2:
            continue
        fields: list[tuple[str, bool]] = []
        for output in outputs:
            word = names.safe(output.name, {name for name, _ in fields} | {"count", "index"})
            fields.append((word, output.listed))
        found.outputs = Outputs(names.unique(f"{found.name}Output", taken), tuple(fields))
        taken.add(found.outputs.name)
