"""Where a definition's modules are.

Its scopes, which of them are chains, and how each path is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from archc.errors import UnsupportedError
from archc.ir.graph import Graph, Value
from archc.ir.nodes import CallNode, Node, OpNode
from archc.place import Place
from archc_torch import names
from archc_torch.sketch import Branch, Leaf


@dataclass(eq=False, slots=True)
class Scope:
    """The nodes below a dotted path, in the graph's order."""

    path: str
    children: dict[str, Scope | int] = field(default_factory=dict)

    def put(self, segments: list[str], id: int, node: Node) -> None:
        name, *rest = segments
        if not rest:
            if name in self.children:
                raise doubled(node.path, node.place)
            self.children[name] = id
            return
        inner = self.children.setdefault(name, Scope(f"{self.path}.{name}" if self.path else name))
        if isinstance(inner, int):
            raise doubled(node.path, node.place)
        inner.put(rest, id, node)


@dataclass(eq=False, slots=True)
class Chain:
    """Nodes of which each takes the one value that the one before gives: an nn.Sequential."""

    path: str
    branch: Branch
    entry: Value
    first: int
    last: int
    weighted: bool


Element = Callable[
    [int], "tuple[Leaf, bool] | None"
]  # a node's module, and whether it has weights or state


def scopes(graph: Graph, prefix: str) -> Scope:
    """The tree of scopes of a graph whose names begin with `prefix`."""
    root = Scope("")
    for id, node in graph.nodes():
        if is_step(node):
            root.put([*(prefix.split(".") if prefix else []), *node.path.split(".")], id, node)
    return root


def is_step(node: Node) -> bool:
    """Whether the node is a step with a place among others, and no literal.

    A scan is one: its body's modules lie in the same scope, which is no chain then.
    """
    if isinstance(node, OpNode):
        return node.op.name != "constant"
    return isinstance(node, CallNode)


def chain(graph: Graph, scope: Scope, element: Element, exits: frozenset[Value]) -> Chain | None:
    """The scope as a chain, if it is one. `exits` are the values that are outputs."""
    branch = Branch(chain=True)
    before: Value | None = None
    entry: Value | None = None
    first = last = -1
    weighted = False
    found: tuple[Branch | Leaf, bool]
    for name, child in scope.children.items():
        if isinstance(child, Scope):
            inner = chain(graph, child, element, exits)
            if inner is None:
                return None
            found, own_first, own_last = (inner.branch, inner.weighted), inner.first, inner.last
        else:
            leaf = element(child)
            if leaf is None:
                return None
            found, own_first, own_last = leaf, child, child
        given = graph.present(own_first)
        if len(given) != 1 or (
            before is not None
            and (given[0] != before or not _only_use(graph, before, own_first, exits))
        ):
            return None
        entry = entry or given[0]
        first = first if first >= 0 else own_first
        branch.children[name], more = found
        weighted = weighted or more
        before, last = Value(own_last, 0), own_last
    if entry is None or not _nameable(branch):
        return None
    if not in_order(branch):
        branch.children = _spoken(branch)
    return Chain(scope.path, branch, entry, first, last, weighted)


def _only_use(graph: Graph, value: Value, user: int, exits: frozenset[Value]) -> bool:
    return value not in exits and [use[0] for use in graph.users(value.node)] == [user]


def _spoken(branch: Branch) -> dict[str, Branch | Leaf]:
    """The children, those that are no more than a number and have no weights by what they are.

    `relu2`.
    """
    found: dict[str, Branch | Leaf] = {}
    for name, child in branch.children.items():
        if isinstance(child, Leaf) and name.isdigit() and not child.weighted and child.count == 1:
            word = child.word.removesuffix("1d").removesuffix("2d").removesuffix("3d")
            name = names.unique(f"{word}{name}", {*branch.children, *found})
        found[name] = child
    return found


def _nameable(branch: Branch) -> bool:
    return in_order(branch) or all(map(names.contained, branch.children))


def in_order(branch: Branch) -> bool:
    """Whether the children's names are 0, 1, 2 …, as a list's are."""
    expected = 0
    for name, child in branch.children.items():
        if name != str(expected):
            return False
        expected += child.count if isinstance(child, Leaf) else 1
    return True


def kind(branch: Branch) -> str:
    """The container that holds the children: an nn class, the last resort nn.Module itself."""
    if branch.chain:
        return "Sequential"
    modules = all(
        kind(child) != "Module" if isinstance(child, Branch) else child.kind == "module"
        for child in branch.children.values()
    )
    if modules and in_order(branch):
        return "ModuleList"
    if modules and all(map(names.contained, branch.children)):
        counted = any(
            isinstance(child, Leaf) and child.count > 1 for child in branch.children.values()
        )
        return "Module" if counted else "ModuleDict"
    return "Module"


def put(root: Branch, path: str, leaf: Leaf | Branch, place: Place | None) -> None:
    """Hangs a leaf or a chain below its path.

    Raises UnsupportedError where something is there already.
    """
    *above, name = path.split(".")
    if "training" in path.split("."):
        raise impossible(path, place)
    branch = root
    for segment in above:
        inner = branch.children.setdefault(segment, Branch())
        if isinstance(inner, Leaf) or inner.chain:
            raise doubled(path, place)
        branch = inner
    if name in branch.children:
        raise doubled(path, place)
    branch.children[name] = leaf


def doubled(path: str, place: Place | None) -> UnsupportedError:
    error = UnsupportedError.of(
        "E601",
        f"PyTorch has no place for two things called '{path}'",
        place,
        help="give one of the steps another name",
    )
    assert isinstance(error, UnsupportedError)
    return error


def impossible(path: str, place: Place | None) -> UnsupportedError:
    error = UnsupportedError.of(
        "E601",
        f"PyTorch cannot hold '{path}': every module has a flag called 'training'",
        place,
        help="give the step another name",
    )
    assert isinstance(error, UnsupportedError)
    return error


def access(root: Branch, path: str, owner: str = "self") -> tuple[str, Leaf | None, str]:
    """How the path is written, the leaf where it ends or is passed.

    And what of the path lies below that leaf.
    """
    text, branch = owner, root
    segments = path.split(".")
    for depth, name in enumerate(segments):
        holder, _ = find(branch, name)
        child = branch.children[holder]
        text = step(text, branch, name, child, depth == 0)
        rest = ".".join(segments[depth + 1 :])
        if isinstance(child, Leaf):
            return text, child, rest
        branch = child
    return text, None, ""


def find(branch: Branch, name: str) -> tuple[str, int]:
    """The child that has the name, one of several copies perhaps, and which copy."""
    if name in branch.children:
        return name, 0
    for start, child in branch.children.items():
        if isinstance(child, Leaf) and child.count > 1 and start.isdigit() and name.isdigit():
            copy = int(name) - int(start)
            if 0 <= copy < child.count:
                return start, copy
    raise KeyError(name)


def step(text: str, branch: Branch, name: str, child: Leaf | Branch, root: bool) -> str:
    """One step down: an attribute, an index, or what is left where a name can be neither."""
    what = kind(branch) if not root or branch.chain else "class"
    if what in ("Sequential", "ModuleList") and in_order(branch):
        return f"{text}[{index(branch, name) if what == 'Sequential' else name}]"
    if names.attribute(name):
        return f"{text}.{name}"
    if what == "ModuleDict":
        return f'{text}["{name}"]'
    if name.isdigit() or (isinstance(child, Leaf) and child.kind == "constant"):
        return f'getattr({text}, "{name}")'
    return f'{text}.{table(child)}["{name}"]'


def index(branch: Branch, name: str) -> int:
    """Where the element is in a chain: from the end, where some instances lack one before it.

    Raises UnsupportedError where some lack one after it, too: such instances are written alone.
    """
    place, start, length = int(name), 0, 0
    before = after = False
    for child in branch.children.values():
        count = child.count if isinstance(child, Leaf) else 1
        before = before or (child.gap is not None and start + count <= place)
        after = after or (child.gap is not None and start > place)
        start = length = start + count
    if before and after:
        raise UnsupportedError.of("E601", f"the element {name} has no place that all classes share")
    return place - length if before else place


def table(child: Leaf | Branch) -> str:
    """The dictionary of nn.Module in which a child of whatever name can be kept."""
    if isinstance(child, Branch) or child.kind == "module":
        return "_modules"
    return "_parameters" if child.kind == "parameter" else "_buffers"


def nested(scope: Scope) -> Iterator[Scope]:
    """The scopes directly below."""
    return (child for child in scope.children.values() if isinstance(child, Scope))
