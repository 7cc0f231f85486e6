"""Elements of a container, and loops in place of those that repeat or grow evenly.

Block(64, 64), Block(64, 64)                 *(Block(64, 64) for _ in range(2))
Layer(64), Layer(96), Layer(128)             *(Layer(64 + 32 * i) for i in range(3))
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from archc_torch import names
from archc_torch.sketch import Gap

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.])")

BINDING = frozenset("*/%-")  # what takes the first of two numbers that are added, and not their sum


@dataclass(eq=False, slots=True)
class Item:
    """An element of a container: its name, its constructor, what it gives."""

    name: str
    text: str | Box
    count: int = 1  # how many of it there are
    comment: str = ""
    loop: str = ""  # of an element that stands for several: `for i in range(6)`
    gap: Gap | None = None  # which instances have it


@dataclass(eq=False, slots=True)
class Box:
    """A container of torch.nn with its elements."""

    kind: str
    items: list[Item]
    named: bool = False

    @property
    def comment(self) -> str:
        """What the last element gives."""
        return next((item.comment for item in reversed(self.items) if item.comment), "")

    @property
    def keywords(self) -> bool:
        """Whether all names can be keywords of a call."""
        return self.kind == "Sequential" and all(names.attribute(item.name) for item in self.items)

    def key(self, item: Item) -> str:
        """What stands before an element."""
        if not self.named:
            return ""
        return f"{item.name}=" if self.keywords else f'"{item.name}": '

    def repeated(self, item: Item, alone: bool) -> str:
        """A loop of elements, spread among others unless it is all that the container has."""
        if alone and (self.named or self.kind == "ModuleList"):
            return f"{item.text} {item.loop}"
        return f"**{{{item.text} {item.loop}}}" if self.named else f"*({item.text} {item.loop})"

    def brackets(self, alone: bool) -> tuple[str, str]:
        """What encloses the elements within the container's own parentheses.

        `alone` says that they are one loop.
        """
        if self.kind == "ModuleList":
            return ("", "") if alone else ("[", "]")
        if not self.named:
            return "", ""
        if self.kind == "ModuleDict":
            return "{", "}"
        return ("OrderedDict(", ")") if self.keywords and not alone else ("OrderedDict({", "})")


def runs(box: Box) -> list[Item]:
    """The elements, equal ones one after the other as a loop, and evenly growing ones, too."""
    found: list[Item] = []
    for item in box.items:
        last = found[-1] if found else None
        if last is not None and not box.named and _equal(last, item):
            found[-1] = Item(last.name, last.text, last.count + item.count, item.comment)
        else:
            found.append(item)
    return [_looped(item, box) if item.count > 1 else item for item in _growing(found, box)]


def _equal(last: Item, item: Item) -> bool:
    return isinstance(item.text, str) and last.text == item.text and item.gap is last.gap is None


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
    """Whether the elements' texts differ by nothing but numbers that grow evenly."""
    texts = [
        item.text
        for item in items
        if isinstance(item.text, str) and item.count == 1 and item.gap is None
    ]
    if len(texts) < len(items) or '"' in texts[0]:
        return False
    if len({_NUMBER.sub("#", text) for text in texts}) > 1:
        return False
    if box.named and not _counting([item.name for item in items]):
        return False
    columns = zip(*(_NUMBER.findall(text) for text in texts), strict=True)
    return all(map(_evenly, columns))


def _evenly(column: Sequence[str]) -> bool:
    """Whether the numbers are the same, or whole ones that grow by the same."""
    if len(set(column)) == 1:
        return True
    if not all(number.isdigit() for number in column):
        return False
    return len({int(b) - int(a) for a, b in pairwise(column)}) == 1


def _counting(texts: Sequence[str]) -> bool:
    """Whether the names are a word and a number that counts on by one."""
    matches = [re.fullmatch(r"(\D*)(0|[1-9]\d*)", text) for text in texts]
    found = [match for match in matches if match is not None]
    if len(found) < len(texts) or len({match[1] for match in found}) > 1:
        return False
    numbers = [int(match[2]) for match in found]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _comprehension(items: list[Item], box: Box) -> Item:
    """The elements as one loop over their number."""
    first, second = str(items[0].text), str(items[1].text)
    pairs = zip(_NUMBER.findall(first), _NUMBER.findall(second), strict=True)
    steps = iter([int(b) - int(a) if a.isdigit() else 0 for a, b in pairs])

    def grown(match: re.Match[str]) -> str:
        by = next(steps)
        if not by:
            return match[0]
        step = "i" if abs(by) == 1 else f"{abs(by)} * i"
        sum = f"{match[0]} {'+' if by > 0 else '-'} {step}"
        before, after = first[: match.start()].rstrip()[-1:], first[match.end() :].lstrip()[:1]
        return f"({sum})" if before in BINDING or after in BINDING - {"-"} else sum

    text = _NUMBER.sub(grown, first)
    loop = f"for i in range({len(items)})"
    name = items[0].name
    if box.named:
        word = name.rstrip("0123456789")
        text = f"{_numbered(word, int(name.removeprefix(word)))}: {text}"
    return Item(name, text, 1, items[-1].comment, loop)


def _numbered(word: str, start: int) -> str:
    """A comprehension's key for names that count on from a number."""
    number = f"i + {start}" if start else "i"
    return f'f"{word}{{{number}}}"' if word else f"str({number})"
