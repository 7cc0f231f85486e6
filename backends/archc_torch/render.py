"""A class to text: its constructor, its forward, its docstring."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from archc.ir.types import TensorType
from archc_torch import layout, names
from archc_torch.classes import Class, Classes
from archc_torch.code import Axis, Build, Callee, Code, Hole, Numbers, Part, literal
from archc_torch.sketch import Assign, Branch, Do, For, Gap, If, Leaf, Output, Parameter, Stmt
from archc_torch.wrap import INDENT, WIDTH, wrapped

LARGE = 24  # numbers in a literal that is still written where it stands


# An expression that stands for a number, and what tells that it is an operand there.
_COMPOUND = re.compile(r" (?:[-+*%]|//|\*\*) ")
_OPERATOR_BEFORE = re.compile(r"[-+*/%@] ?$")
_OPERATOR_AFTER = re.compile(r" ?[-+*/%@]")


@dataclass(eq=False, slots=True)
class Item:
    """An element of a container.

    Its name, its constructor, what it gives, and how many of it there are.
    """

    name: str
    text: str | Box
    count: int = 1
    comment: str = ""
    loop: str = ""  # of an element that stands for several: `for i in range(6)`
    gap: Gap | None = None  # which instances have it


@dataclass(eq=False, slots=True)
class Box:
    """A container of torch.nn with its elements."""

    kind: str
    items: list[Item]
    named: bool = False


@dataclass(eq=False)
class Renderer:
    """Writes one class of a file; large literals go into `tables`, which all classes share."""

    classes: Classes
    found: Class
    tables: dict[str, object]
    inside: str = "init"  # where code stands: in the constructor or in forward
    depth: int = 0  # how far the statements are indented

    def wrap(self, text: str, comment: str = "") -> list[str]:
        """The statement in lines that fit where they stand; they are indented later."""
        return wrapped(text, WIDTH - len(INDENT) * self.depth, comment)

    def deeper(self, lines: Callable[[], list[str]]) -> list[str]:
        """Lines one step further in."""
        self.depth += 1
        try:
            return [INDENT + line if line else "" for line in lines()]
        finally:
            self.depth -= 1

    # ---- the whole

    def lines(self) -> list[str]:
        return self._function() if self.found.function else self._class()

    def _class(self) -> list[str]:
        chain = self.found.sketch.modules.chain
        forward = (
            [] if chain else self.deeper(self._forward)
        )  # first: it tells what it needs of self
        self.inside = "init"
        body = [*self.deeper(self._docstring), *self.deeper(self._init)]
        return [
            f"class {self.found.name}({'nn.Sequential' if chain else 'nn.Module'}):",
            *body,
            *(["", *forward] if forward else []),
        ]

    def _init(self) -> list[str]:
        arguments = self._arguments()
        body = self.deeper(self._constructor)
        if [line.strip() for line in body] == ["super().__init__()"] and not arguments:
            return []
        return ["", *self.wrap(f"def __init__({', '.join(['self', *arguments])}) -> None:"), *body]

    def _function(self) -> list[str]:
        self.inside = "function"
        head = self._parameters([], self.found.sketch.parameters) + self._arguments()
        lines = self.wrap(f"def {self.found.name}({', '.join(head)}) -> {self._result_type()}:")
        body = self.deeper(self._body)
        return [
            *lines,
            *self.deeper(self._docstring),
            *(INDENT + line for line in self._kept(body)),
            *body,
        ]

    def _arguments(self) -> list[str]:
        args = [arg for arg in self.found.args if not arg.formula]
        required = [arg for arg in args if arg.default is ...]
        texts = [f"{arg.name}: {arg.annotation}" for arg in required]
        texts += [f"{names.safe(name, ())}: float" for name in self.found.passed]
        optional = [arg for arg in args if arg.default is not ...]
        return [
            *texts,
            *(f"{arg.name}: {arg.annotation} = {literal(arg.default)}" for arg in optional),
        ]

    # ---- documentation

    def _docstring(self) -> list[str]:
        found, sketch = self.found, self.found.sketch
        template = found.template
        doc = names.one_line(template.doc if template is not None else "") if not sketch.top else ""
        inputs = [f"{p.variable}: {self._parameter_type(p)}" for p in sketch.parameters]
        if sketch.modules.chain:
            inputs = [f"input: {found.type_text(self._chain_types())}"]
        outputs = [self._output_type(k, output) for k, output in enumerate(sketch.outputs)]
        if len(outputs) > 1:
            outputs = [
                f"{output.name}: {text}"
                for output, text in zip(sketch.outputs, outputs, strict=True)
            ]
        parts = [f"{part}," for part in inputs[:-1]] + inputs[-1:]
        outputs[0] = f"→ {outputs[0]}"
        parts += [f"{part}," for part in outputs[:-1]] + outputs[-1:]
        width = WIDTH - len(INDENT) * self.depth - 6
        return names.docstring(
            [*([*fill(doc.split(" "), width), ""] if doc else []), *fill(parts, width)]
        )

    def _chain_types(self) -> tuple[TensorType, ...]:
        """What a chain takes, for each instance."""
        return tuple(
            next(iter(sketch.definition.input_types().values())) for sketch in self.found.sketches
        )

    def _parameter_type(self, parameter: Parameter) -> str:
        place = self.found.sketch.parameters.index(parameter)
        every = [sketch.parameters[place].types for sketch in self.found.sketches]
        text = self.found.type_text(tuple(types[0] for types in every))
        return f"{len(parameter.types)} of {text}" if parameter.listed else text

    def _output_type(self, place: int, output: Output) -> str:
        every = [sketch.outputs[place].types for sketch in self.found.sketches]
        text = self.found.type_text(tuple(types[0] for types in every))
        return f"{len(output.types)} of {text}" if output.listed else text

    # ---- the constructor

    def _constructor(self) -> list[str]:
        sketch = self.found.sketch
        if sketch.modules.chain:
            box = self._box(sketch.modules, self._types(sketch.modules))
            own = [*self._boxed("super().__init__(", box, ")"), *self._statements(sketch.setup)]
            return [*self._kept(own), *own]
        lines: list[str] = []
        for name, child in sketch.modules.children.items():
            lines += self._member("self", name, child, sketch.modules)
        lines += self._statements(sketch.setup)
        return ["super().__init__()", *self._kept(lines), *lines]

    def _kept(self, lines: list[str]) -> list[str]:
        """What forward reads, and what follows from the arguments."""
        formulas = {arg.name: arg.formula for arg in self.found.args if arg.formula}
        text = "\n".join(lines)
        local = [name for name in formulas if re.search(rf"(?<![\w.]){name}(?!\w)", text)]
        result = [f"{name} = {formulas[name]}" for name in local]
        for name in self._stored():
            value = formulas[name] if name in formulas and name not in local else name
            result.append(f"self.{self.attribute(name)} = {value}")
        return result

    def _stored(self) -> list[str]:
        order = [
            *(arg.name for arg in self.found.args),
            *(names.safe(name, ()) for name in self.found.passed),
        ]
        return [name for name in order if name in self.found.stored]

    def attribute(self, name: str) -> str:
        """The attribute that keeps an argument for forward."""
        taken = {*self.found.sketch.modules.children, *names.TAKEN}
        return names.unique(f"{name}_" if name in taken else name, taken)

    def _member(self, owner: str, name: str, child: Branch | Leaf, parent: Branch) -> list[str]:
        """The statements that make a child of the class.

        Or of a container that is written by statements.
        """
        if (
            isinstance(child, Leaf)
            and child.callee is not None
            and self.classes.of(child.callee).function
        ):
            return []
        if isinstance(child, Leaf) and child.kind != "module":
            return self._tensor(owner, name, child)
        if isinstance(child, Leaf) and child.count > 1:
            call = f"{owner}.add_module(str(i), {self.text(child.code)})"
            head = f"for i in range({int(name)}, {int(name) + child.count}):"
            return [head, *self.deeper(lambda: self.wrap(call))]
        if isinstance(child, Branch) and not self._holds(child):
            return []
        target, end = f"{owner}.{name} = ", ""
        if not names.attribute(name):
            target, end = (
                (f'{owner}.add_module("{name}", ', ")")
                if name.isdigit()
                else (f'{owner}._modules["{name}"] = ', "")
            )
        if isinstance(child, Branch) and layout.kind(child) == "Module":
            path = layout.step(owner, parent, name, child, owner == "self")
            lines = [f"{target}nn.Module(){end}"]
            for inner, grandchild in child.children.items():
                lines += self._member(path, inner, grandchild, child)
            return lines
        if isinstance(child, Branch):
            box = self._box(child, self._types(child))
            if child.gap is not None:
                return self._either(
                    target, lambda: self._boxed(f"nn.{box.kind}(", box, ")"), child.gap, end
                )
            return self._boxed(f"{target}nn.{box.kind}(", box, f"){end}")
        if child.gap is not None:
            return self._either(target, lambda: self.wrap(self.text(child.code)), child.gap, end)
        return self.wrap(f"{target}{self.text(child.code)}{end}")

    def _either(self, target: str, lines: Callable[[], list[str]], gap: Gap, end: str) -> list[str]:
        """A module under a condition; without it, what comes in goes out."""
        condition = f"if {self.found.conditions[gap]}"
        inner = lines()
        whole = f"{target}{inner[0]} {condition} else nn.Identity(){end}"
        if len(inner) == 1 and len(whole) <= WIDTH - len(INDENT) * self.depth:
            return [whole]
        opening, closing = ("", "") if target.endswith(", ") else ("(", ")")
        rest = [INDENT + condition, INDENT + "else nn.Identity()"]
        return [f"{target}{opening}".rstrip(), *self.deeper(lines), *rest, f"{closing}{end}"]

    def _holds(self, branch: Branch) -> bool:
        """Whether there is a module in the branch, and not only calls of functions."""
        return any(
            self._holds(child)
            if isinstance(child, Branch)
            else child.callee is None or not self.classes.of(child.callee).function
            for child in branch.children.values()
        )

    def _tensor(self, owner: str, name: str, leaf: Leaf) -> list[str]:
        text = self.text(leaf.code)
        if leaf.gap is not None:
            text = f"{text} if {self.found.conditions[leaf.gap]} else None"
        if leaf.kind == "parameter":
            if names.attribute(name):
                return self.wrap(f"{owner}.{name} = {text}")
            if name.isdigit():
                return self.wrap(f'{owner}.register_parameter("{name}", {text})')
            return self.wrap(f'{owner}._parameters["{name}"] = {text}')
        if names.attribute(name) or name.isdigit():
            last = ", persistent=False" if leaf.kind == "constant" else ""
            return self.wrap(f'{owner}.register_buffer("{name}", {text}{last})')
        return self.wrap(f'{owner}._buffers["{name}"] = {text}')

    def _types(self, branch: Branch) -> Iterator[str]:
        """What each leaf of the branch gives, in order, as comments say it."""
        place = 0
        every: list[list[tuple[TensorType, ...]]] = []
        for sketch in self.found.sketches:
            twin = _twin(self.found.sketch.modules, sketch.modules, branch)
            every += [[leaf.types for leaf in _leaves(twin)]]
        while place < len(every[0]):
            types = [found[place] for found in every]
            yield self.found.type_text(tuple(t[0] for t in types)) if types[0] else ""
            place += 1

    def _box(self, branch: Branch, types: Iterator[str]) -> Box:
        items: list[Item] = []
        for name, child in branch.children.items():
            if isinstance(child, Branch):
                inner = self._box(child, types)
                last = next((item.comment for item in reversed(inner.items) if item.comment), "")
                if self._holds(child):
                    items.append(Item(name, inner, comment=last, gap=child.gap))
                continue
            comment = next(types)
            if child.callee is None or not self.classes.of(child.callee).function:
                items.append(Item(name, self.text(child.code), child.count, comment, gap=child.gap))
        kind = layout.kind(branch)
        return Box(
            kind,
            items,
            named=not (kind in ("Sequential", "ModuleList") and layout.in_order(branch)),
        )

    def _boxed(self, head: str, box: Box, tail: str) -> list[str]:
        """The container as lines.

        In one if it fits, else an element a line, with the shapes that change.
        """
        items = runs(box)
        flat = [self._flat(item, box) for item in items]
        opening, closing = brackets(box, items)
        if all(text is not None for text in flat):
            listed = ", ".join(text for text in flat if text is not None)
            line = f"{head}{opening}{listed}{closing}{tail}"
            room = WIDTH - len(INDENT) * self.depth
            if len(line) <= room and (
                len(items) == 1 or box.kind != "Sequential" or len(line) <= SHORT
            ):
                return [line]

        def inner() -> list[str]:
            lines: list[str] = []
            shown = (
                self.found.type_text(self._chain_types()) if self.found.sketch.modules.chain else ""
            )
            for item, text in zip(items, flat, strict=True):
                comment = (
                    item.comment
                    if self._shapes and box.kind == "Sequential" and item.comment != shown
                    else ""
                )
                shown = item.comment or shown
                if text is None:
                    assert isinstance(item.text, Box)
                    opened, closed = self._around(item, box)
                    lines += self._boxed(f"{opened}nn.{item.text.kind}(", item.text, f"){closed},")
                else:
                    lines += self.wrap(text if alone(items) else f"{text},", comment)
            return lines

        return [head + opening, *self.deeper(inner), closing + tail]

    def _around(self, item: Item, box: Box) -> tuple[str, str]:
        """What stands before and after an element.

        Its name, and the condition under which it is there.
        """
        if item.gap is None:
            return key(item, box), ""
        condition = self.found.conditions[item.gap]
        if box.named or box.kind != "Sequential":
            return key(item, box), f" if {condition} else nn.Identity()"
        return "*([", f"] if {condition} else [])"

    @property
    def _shapes(self) -> bool:
        """Whether elements are shown with the shapes they give: where no forward shows them."""
        sketch = self.found.sketch
        return sketch.modules.chain or sketch.definition.kind == "model"

    def _flat(self, item: Item, box: Box) -> str | None:
        """The element in one line; None of a container that is too long for one."""
        opened, closed = self._around(item, box)
        if isinstance(item.text, str):
            return repeated(item, box) if item.loop else f"{opened}{item.text}{closed}"
        items = runs(item.text)
        inner = [self._flat(one, item.text) for one in items]
        if any(text is None for text in inner):
            return None
        opening, closing = brackets(item.text, items)
        listed = ", ".join(text for text in inner if text)
        line = f"{opened}nn.{item.text.kind}({opening}{listed}{closing}){closed}"
        return line if len(line) <= SHORT else None

    # ---- forward

    def _forward(self) -> list[str]:
        self.inside = "forward"
        parameters = self._parameters(["self"], self.found.sketch.parameters)
        head = self.wrap(f"def forward({', '.join(parameters)}) -> {self._result_type()}:")
        return [*head, *self.deeper(self._body)]

    def _parameters(self, first: list[str], parameters: Sequence[Parameter]) -> list[str]:
        sketch = self.found.sketch
        texts = [f"{p.variable}: {'list[Tensor]' if p.listed else 'Tensor'}" for p in parameters]
        texts += [f"{names.safe(name, ())}: int" for name in sketch.sizes]
        texts += ["device: torch.device"] if sketch.device else []
        for name in sketch.models:
            model = self.classes.of(self.found.library.model(name).definition)
            texts.append(f"{names.safe(name, ())}: {model.name}")
        return [*first, *texts]

    def _result_type(self) -> str:
        outputs = self.found.sketch.outputs
        if self.found.outputs is not None:
            return self.found.outputs.name
        texts = ["list[Tensor]" if output.listed else "Tensor" for output in outputs]
        return texts[0] if len(texts) == 1 else f"tuple[{', '.join(texts)}]"

    def _body(self) -> list[str]:
        sketch = self.found.sketch
        lines = self._statements(sketch.body)
        results = [self.text(output.code) for output in sketch.outputs]
        if self.found.outputs is not None:
            results = [f"{self.found.outputs.name}({', '.join(results)})"]
        returned = self.wrap(f"return {', '.join(results)}")
        return [*self._sizes(), *lines, *returned]

    def _sizes(self) -> list[str]:
        """The sizes that are read from the inputs' shapes."""
        used = {
            (part.input, part.axis)
            for code in self.found.sketch.codes()
            for part in code
            if isinstance(part, Axis)
        }
        lines: list[str] = []
        for name in dict.fromkeys(name for name, _ in sorted(used)):
            axes = sorted(axis for other, axis in used if other == name)
            shape = f"{self._input(name)}.shape"
            if len(axes) == 1:
                lines.append(f"{self.found.axes[name, axes[0]]} = {shape}[{axes[0]}]")
                continue
            rank = self.found.sketch.definition.input_types()[name].rank
            targets = [self.found.axes[name, axis] if axis in axes else "_" for axis in range(rank)]
            lines.append(f"{', '.join(targets)} = {shape}")
        return lines

    def _input(self, name: str) -> str:
        head, _, index = name.partition(".")
        variable = next(p.variable for p in self.found.sketch.parameters if p.name == head)
        return f"{variable}[{index}]" if index else variable

    def _statements(self, statements: list[Stmt]) -> list[str]:
        lines: list[str] = []
        shown = ""
        for statement in statements:
            match statement:
                case Assign():
                    target = statement.pattern.format(*statement.names) or ", ".join(
                        statement.names
                    )
                    comment = self._comment(statement)
                    new = comment if comment != shown else ""
                    lines += self.wrap(f"{target} = {self.text(statement.code)}", new)
                    shown = comment
                case Do():
                    lines += self.wrap(self.text(statement.code))
                case If():
                    lines.append(f"if {self.stated(self.found.conditions[statement.gap])}:")
                    inner = statement.body
                    lines += self.deeper(lambda: self._statements(inner))  # noqa: B023 - called at once
                case For():
                    lines += self.wrap(
                        f"for {', '.join(statement.names)} in {self.text(statement.code)}:"
                    )
                    body = statement.body
                    lines += self.deeper(lambda: self._statements(body))  # noqa: B023 - called at once
        return lines

    def _comment(self, statement: Assign) -> str:
        twins = [
            _same_statement(self.found.sketch.body, sketch.body, statement)
            for sketch in self.found.sketches
        ]
        if not statement.types or any(twin is None for twin in twins):
            return ""
        every = [
            [None if twin.absent else type for type in twin.types]
            for twin in twins
            if twin is not None
        ]
        texts = [self.found.type_text(types) for types in zip(*every, strict=True)]
        return texts[0] if len(set(texts)) == 1 else ", ".join(texts)

    # ---- code

    def text(self, code: Code) -> str:
        """The code with everything in its holes."""
        pieces = [self._part(part) for part in code]
        for k, part in enumerate(code):
            if isinstance(part, Hole) and _COMPOUND.search(pieces[k]) and not part.keyword:
                before, after = "".join(pieces[:k][-1:]), "".join(pieces[k + 1 :][:1])
                if _OPERATOR_BEFORE.search(before) or _OPERATOR_AFTER.match(after):
                    pieces[k] = f"({pieces[k]})"
        return re.sub(r"\(, ", "(", "".join(pieces))

    def _part(self, part: Part) -> str:
        match part:
            case str():
                return part
            case Hole():
                return self._hole(part)
            case Axis(name, axis):
                return self.found.axes[name, axis]
            case Build(definition):
                return f"{self.classes.of(definition).name}({self._call(part)})"
            case Numbers(definition):
                own = self._call(part) if self.classes.of(definition).function else ""
                return f", {own}" if own else ""
            case Callee(definition, path):
                callee = self.classes.of(definition)
                return callee.name if callee.function else path
        raise TypeError(f"not resolved: {part!r}")

    def _hole(self, hole: Hole) -> str:
        text = self.found.texts[id(hole)]
        if not text:
            if (
                hole.default is not ...
                and type(hole.value) is type(hole.default)
                and hole.value == hole.default
            ):
                return ""
            shown = self._literal(hole.value)
        else:
            shown = self.stated(text[1:-1])
        before = ", " if hole.comma == "before" else ""
        return f"{before}{hole.keyword}{shown}{', ' if hole.comma == 'after' else ''}"

    def _literal(self, value: object) -> str:
        """A value where it stands, or the name of the table that it is kept in."""
        if not isinstance(value, tuple) or _count(value) <= LARGE:
            return literal(value)
        known = next(
            (name for name, other in self.tables.items() if other is value or other == value), None
        )
        if known is None:
            known = f"TABLE_{sum(name.startswith('TABLE_') for name in self.tables) + 1}"
            self.tables[known] = value
        return known

    def stated(self, expression: str) -> str:
        """An expression on arguments where the code stands: forward reads them from self."""
        if self.inside != "forward":
            return expression
        own = {arg.name for arg in self.found.args} | {
            names.safe(name, ()) for name in self.found.passed
        }

        def kept(match: re.Match[str]) -> str:
            name = match[0]
            if name not in own:
                return name
            self.found.stored.add(name)
            return f"self.{self.attribute(name)}"

        return re.sub(r"[A-Za-z_]\w*", kept, expression)

    def _call(self, part: Build | Numbers) -> str:
        """A constructor's arguments.

        The first two by their places, the others by name, defaults left out.
        """
        texts: list[str] = []
        named = False
        for place, (arg, text, value) in enumerate(self.found.calls.get(id(part), [])):
            shown = self.stated(text[1:-1]) if text else self._literal(value)
            if not text and arg.default is not ... and value == arg.default:
                named = True
                continue
            by_place = (
                not named and place < 2 and (arg.width or (place == 0 and arg.annotation == "int"))
            )
            named = named or not by_place
            texts.append(shown if by_place else f"{names.safe(arg.name, ())}={shown}")
        return ", ".join(texts)


def _leaves(branch: Branch) -> Iterator[Leaf]:
    for child in branch.children.values():
        if isinstance(child, Leaf):
            yield child
        else:
            yield from _leaves(child)


def _twin(root: Branch, other: Branch, branch: Branch) -> Branch:
    """The branch of another tree of the same form that stands where this one does."""
    if root is branch:
        return other
    for name, child in root.children.items():
        if isinstance(child, Branch):
            twin = other.children[name]
            assert isinstance(twin, Branch)
            if child is branch or branch in _branches(child):
                return _twin(child, twin, branch)
    raise LookupError("the branch is not in the tree")


def _branches(branch: Branch) -> list[Branch]:
    inner = [child for child in branch.children.values() if isinstance(child, Branch)]
    return [*inner, *(deeper for child in inner for deeper in _branches(child))]


def _same_statement(ours: list[Stmt], theirs: list[Stmt], wanted: Stmt) -> Assign | None:
    for one, other in zip(ours, theirs, strict=True):
        if one is wanted:
            return other if isinstance(other, Assign) else None
        if isinstance(one, For | If) and isinstance(other, For | If):
            found = _same_statement(one.body, other.body, wanted)
            if found is not None:
                return found
    return None


def _count(value: object) -> int:
    return sum(map(_count, value)) if isinstance(value, tuple) else 1


def fill(words: Sequence[str], width: int) -> list[str]:
    """The words in lines of that width."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


# ---- elements of containers

SHORT = 60  # characters of a container that stands in one line
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.])")


def runs(box: Box) -> list[Item]:
    """The elements, equal ones one after the other as a loop, and evenly growing ones, too."""
    found: list[Item] = []
    for item in box.items:
        last = found[-1] if found else None
        equal = last is not None and isinstance(item.text, str) and last.text == item.text
        if last is not None and equal and not box.named and item.gap is last.gap is None:
            found[-1] = Item(last.name, last.text, last.count + item.count, item.comment)
        else:
            found.append(item)
    found = _growing(found, box)
    return [_looped(item, box) if item.count > 1 else item for item in found]


def _looped(item: Item, box: Box) -> Item:
    """An element that is counted as a loop."""
    if not box.named:
        return Item(item.name, item.text, 1, item.comment, f"for _ in range({item.count})")
    text = f"{_numbered('', int(item.name))}: {item.text}"
    return Item(item.name, text, 1, item.comment, f"for i in range({item.count})")


def _growing(items: list[Item], box: Box) -> list[Item]:
    """Three or more elements whose numbers grow evenly, and whose names count on, as one loop."""
    result: list[Item] = []
    place = 0
    while place < len(items):
        end = place + 1
        while end < len(items) and _even(items[place : end + 1], box):
            end += 1
        if end - place >= 3:
            result.append(_comprehension(items[place:end], box))
            place = end
        else:
            result.append(items[place])
            place += 1
    return result


def _even(items: list[Item], box: Box) -> bool:
    texts = [
        item.text
        for item in items
        if isinstance(item.text, str) and item.count == 1 and item.gap is None
    ]
    if (
        len(texts) < len(items)
        or len({_NUMBER.sub("#", text) for text in texts}) > 1
        or '"' in texts[0]
    ):
        return False
    if box.named and not _counting([item.name for item in items]):
        return False
    for column in zip(*(_NUMBER.findall(text) for text in texts), strict=True):
        if len(set(column)) > 1 and not all(number.isdigit() for number in column):
            return False
        values = [int(number) for number in column] if column[0].isdigit() else [0] * len(column)
        if len({b - a for a, b in pairwise(values)}) > 1:
            return False
    return True


def _counting(texts: Sequence[str]) -> bool:
    """Whether the names are a word and a number that counts on by one."""
    matches = [re.fullmatch(r"(\D*)(0|[1-9]\d*)", text) for text in texts]
    found = [match for match in matches if match is not None]
    if len(found) < len(texts) or len({match[1] for match in found}) > 1:
        return False
    numbers = [int(match[2]) for match in found]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _comprehension(items: list[Item], box: Box) -> Item:
    first, second = str(items[0].text), str(items[1].text)
    starts, nexts = _NUMBER.findall(first), _NUMBER.findall(second)
    steps = iter(
        [int(b) - int(a) if a.isdigit() else 0 for a, b in zip(starts, nexts, strict=True)]
    )

    def grown(match: re.Match[str]) -> str:
        by = next(steps)
        return match[0] if not by else f"{match[0]} {'+' if by > 0 else '-'} {abs(by)} * i"

    text = _NUMBER.sub(grown, first)
    loop = f"for i in range({len(items)})"
    if not box.named:
        return Item(items[0].name, text, 1, items[-1].comment, loop)
    word, start = re.fullmatch(r"(\D*)(\d+)", items[0].name).groups()  # type: ignore[union-attr]
    return Item(items[0].name, f"{_numbered(word, int(start))}: {text}", 1, items[-1].comment, loop)


def _numbered(word: str, start: int) -> str:
    """A comprehension's key for names that count on from a number."""
    number = f"i + {start}" if start else "i"
    return f'f"{word}{{{number}}}"' if word else f"str({number})"


def repeated(item: Item, box: Box) -> str:
    """A loop of elements, spread among others unless it is all that the container has."""
    if len(runs(box)) == 1 and (box.named or box.kind == "ModuleList"):
        return f"{item.text} {item.loop}"
    return f"**{{{item.text} {item.loop}}}" if box.named else f"*({item.text} {item.loop})"


def alone(items: list[Item]) -> bool:
    """Whether the container has nothing but one loop."""
    return len(items) == 1 and bool(items[0].loop)


def key(item: Item, box: Box) -> str:
    """What stands before an element."""
    if not box.named:
        return ""
    return f"{item.name}=" if words(box) else f'"{item.name}": '


def words(box: Box) -> bool:
    """Whether all names can be keywords of a call."""
    return box.kind == "Sequential" and all(names.attribute(item.name) for item in box.items)


def brackets(box: Box, items: list[Item]) -> tuple[str, str]:
    """What encloses the elements within the container's own parentheses."""
    if box.kind == "ModuleList":
        return ("", "") if alone(items) else ("[", "]")
    if not box.named:
        return "", ""
    if box.kind == "ModuleDict":
        return "{", "}"
    return ("OrderedDict(", ")") if words(box) and not alone(items) else ("OrderedDict({", "})")
