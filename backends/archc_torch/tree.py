"""The tree of modules in a class: what holds them, and how the path to one is written.

self.encoder.layers[0].norm        getattr(self, "0").weight        self.heads["a.b"]
"""

from __future__ import annotations

from archc.errors import UnsupportedError
from archc.place import Place
from archc_torch import names
from archc_torch.sketch import Branch, Leaf


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
    return UnsupportedError.of(
        "E601",
        f"PyTorch has no place for two things called '{path}'",
        place,
        help="give one of the steps another name",
    )


def impossible(path: str, place: Place | None) -> UnsupportedError:
    return UnsupportedError.of(
        "E601",
        f"PyTorch cannot hold '{path}': every module has a flag called 'training'",
        place,
        help="give the step another name",
    )


# ---- paths


def below(root: Branch, path: str) -> Branch:
    """The branch at a path."""
    for name in path.split(".") if path else []:
        inner = root.children[name]
        assert isinstance(inner, Branch)
        root = inner
    return root


def access(root: Branch, path: str, owner: str = "self") -> tuple[str, Leaf | None, str]:
    """How a path is written, the leaf that it reaches, and what of it lies below that leaf."""
    text, branch = owner, root
    segments = path.split(".")
    for depth, name in enumerate(segments):
        holder = find(branch, name)
        child = branch.children[holder]
        text = step(text, branch, name, child, depth == 0)
        rest = ".".join(segments[depth + 1 :])
        if isinstance(child, Leaf):
            return text, child, rest
        branch = child
    return text, None, ""


def find(branch: Branch, name: str) -> str:
    """The child that has the name, perhaps as one of several copies. Raises KeyError."""
    if name in branch.children:
        return name
    for start, child in branch.children.items():
        copies = child.count if isinstance(child, Leaf) else 1
        if (
            copies > 1
            and start.isdigit()
            and name.isdigit()
            and int(name) - int(start) in range(copies)
        ):
            return start
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
