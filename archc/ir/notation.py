"""Reading the words, sizes, types and values that the text form of programs is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn, cast

from archc.errors import InputError
from archc.ir.dims import Size, SizeError, floor_div, largest, symbol
from archc.ir.text import RESERVED, WORD
from archc.ir.types import DTYPES, TensorType
from archc.place import Place, Source
from archc.spec.values import Argument

_BLANK = re.compile(r"\s*")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_NUMBER = re.compile(r"[+-]?(?:\d{1,99}\.\d*|\.\d+|\d{1,99})(?:[eE][+-]?\d+)?(?![\w.(])")
_WHOLE = re.compile(r"[+-]?\d{1,99}(?!\d)")
_UNUSUAL = re.compile(r"(-?)\.(inf|nan)\b")
_NAME = re.compile(r"[^\W\d]\w*")
_FILE = re.compile(r"[A-Za-z0-9_./-]+")
_LITERALS = {"true": True, "false": False, "null": None}
_DEEPEST = 60


class Reader:
    """A text and where one is in it. What does not fit raises InputError E530 at its place."""

    def __init__(self, text: str, name: str) -> None:
        self.text, self.position, self.depth = text, 0, 0
        self.source = Source(name, text)
        self.files: dict[str, Source] = {}
        self.blank()

    def blank(self) -> None:
        self.position = cast("re.Match[str]", _BLANK.match(self.text, self.position)).end()

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        at = self.position if at is None else at
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1) + 1
        help = "this is not what archc prints as the text of a program"
        raise InputError.of("E530", message, Place(self.source, line, column), help=help)

    @property
    def ended(self) -> bool:
        return self.position == len(self.text)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What the pattern matches here, and the blanks behind it passed over."""
        found = pattern.match(self.text, self.position)
        if found is not None:
            self.position = found.end()
            self.blank()
        return found

    def take(self, mark: str) -> bool:
        """Whether the mark stands here; it is passed over then."""
        if not self.text.startswith(mark, self.position):
            return False
        self.position += len(mark)
        self.blank()
        return True

    def expect(self, mark: str) -> None:
        if not self.take(mark):
            self.fail(f"expected '{mark}'")

    def at(self, *marks: str) -> bool:
        """Whether one of the marks stands here."""
        return self.text.startswith(marks, self.position)

    def items(self, end: str) -> Iterator[None]:
        """A turn for each part of a list up to `end`; the commas between are passed over."""
        while not self.take(end):
            yield
            if not self.at(end):
                self.expect(",")

    def keyword(self, *words: str) -> str | None:
        """Which of these words stands here, as a whole word; it is passed over then."""
        found = _NAME.match(self.text, self.position)
        if found is None or found[0] not in words:
            return None
        self.position = found.end()
        self.blank()
        return found[0]

    def word(self) -> str:
        """A name, bare or as a JSON string."""
        if self.at('"'):
            return self.string()
        found = self.match(WORD)
        if found is None:
            self.fail("expected a name")
        return found[0]

    def string(self) -> str:
        found = self.match(_STRING)
        if found is None:
            self.fail("expected a string in quotes")
        try:
            return str(json.loads(found[0]))
        except ValueError:
            self.fail("a string is written as in JSON", found.start())

    def whole(self) -> int:
        found = self.match(_WHOLE)
        if found is None:
            self.fail("expected a whole number")
        return int(found[0])

    def place(self) -> Place | None:
        """`@ file:line:column+length`, where it stands."""
        if not self.take("@"):
            return None
        if self.at('"'):
            name = self.string()
        else:
            found = self.match(_FILE)
            if found is None:
                self.fail("expected a file's name")
            name = found[0]
        self.expect(":")
        line = self.whole()
        self.expect(":")
        column = self.whole()
        source = self.files.setdefault(name, Source(name, ""))
        return Place(source, line, column, self.whole() if self.take("+") else 1)

    def type(self) -> TensorType:
        found = self.match(_NAME)
        if found is None or found[0] not in DTYPES:
            self.fail("expected an element type", None if found is None else found.start())
        self.expect("[")
        return TensorType(found[0], tuple(self.size() for _ in self.items("]")))

    # -- values -----------------------------------------------------------------------------------

    def value(self) -> Any:
        """An attribute's value: lists come as tuples, `{…}` as a dict."""
        self._deeper()
        try:
            return self._value()
        finally:
            self.depth -= 1

    def _value(self) -> Any:
        here = self.text[self.position : self.position + 1]
        if here == '"':
            return self.string()
        if here == "{":
            return self.mapping()
        if self.take("["):
            return tuple(self.value() for _ in self.items("]"))
        if self.take("$"):
            return Argument(self.word(), 0.0, None)
        unusual = self.match(_UNUSUAL)
        if unusual is not None:
            return float(unusual[1] + unusual[2])
        literal = self.keyword(*RESERVED)
        if literal is not None:
            return _LITERALS[literal]
        start = self.position
        number = self.match(_NUMBER)
        if number is not None and self.at(",", "]", "}", ")"):
            shown = number[0]
            return float(shown) if any(c in shown for c in ".eE") else int(shown)
        self.position = start
        return self.size()

    def record(self) -> dict[str, Any]:
        """`{name: value, …}`"""
        if not self.at("{"):
            self.fail("expected '{'")
        return self.mapping()

    def mapping(self) -> dict[str, Any]:
        """`{name: value, …}`; empty where none stands here."""
        found: dict[str, Any] = {}
        for _ in self.items("}") if self.take("{") else ():
            name = self.word()
            self.expect(":")
            found[name] = self.value()
        return found

    # -- sizes, as in Python: sums, products, floor quotients, powers and max ---------------------

    def size(self) -> Size:
        try:
            return self._size()
        except SizeError as error:
            self.fail(error.diagnostics[0].message)

    def _size(self) -> Size:
        self._deeper()
        total = self._term()
        while True:
            if self.take("+"):
                total = total + self._term()
            elif self.take("-"):
                total = total - self._term()
            else:
                self.depth -= 1
                return total

    def _term(self) -> Size:
        product = self._factor()
        while True:
            if self.take("//"):
                divisor = self._factor()
                if divisor == 0:
                    self.fail("a size is divided by zero")
                product = floor_div(product, divisor)
            elif self.take("*"):
                product = product * self._factor()
            else:
                return product

    def _factor(self) -> Size:
        if self.take("-"):
            return self._factor() * -1
        base = self._atom()
        if not self.take("**"):
            return base
        power = self.whole()
        if not 0 <= power <= 64:
            self.fail("a size's powers are small")
        product: Size = 1
        for _ in range(power):
            product = product * base
        return product

    def _atom(self) -> Size:
        if self.take("("):
            inner = self.size()
            self.expect(")")
            return inner
        found = self.match(_WHOLE)
        if found is not None:
            return int(found[0])
        name = self.match(_NAME)
        if name is None:
            self.fail("expected a size")
        if name[0] != "max" or not self.take("("):
            return symbol(name[0])
        of = [self.size()]
        while not self.take(")"):
            self.expect(",")
            of.append(self.size())
        return largest(of)

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            self.fail("this is nested too deeply")
