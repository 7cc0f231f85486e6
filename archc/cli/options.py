"""The arguments that verbs share, and what they mean."""

from __future__ import annotations

import re
from argparse import Action, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NoReturn

from archc.errors import SpecError, UsageError, did_you_mean, printable

_SYMBOL = re.compile(r"[A-Za-z_]\w{0,59}=[0-9]{1,18}\Z")


class Parser(ArgumentParser):
    """argparse whose complaints are safe to print."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def new_parser(verb: str, module: ModuleType) -> Parser:
    """The verb's parser: its module's docstring is its help."""
    parser = Parser(
        prog=f"archc {verb}",
        description=(module.__doc__ or "").strip(),
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.configure(parser)
    group = parser.add_argument_group("everywhere")
    group.add_argument("--json", action="store_true", help="machine-readable results on stdout")
    group.add_argument(
        "-v", "--verbose", action="count", default=0, help="say more; -vv everything"
    )
    group.add_argument("-q", "--quiet", action="store_true", help="errors only")
    group.add_argument("--log-file", metavar="FILE", help="also write the whole log there")
    return parser


def add_spec(parser: ArgumentParser, name: str = "spec", **more: Any) -> None:
    help = "a file, file:variant, or a zoo name"
    parser.add_argument(name, metavar=name.upper(), **{"help": help, **more})


def add_choices(parser: ArgumentParser) -> None:
    """What chooses among the networks that a spec describes."""
    parser.add_argument("--variant", metavar="NAME", help="one of the spec's variants")
    parser.add_argument(
        "--set", metavar="NAME=VALUE", action=Settings, default={},
        help="a parameter's value, as YAML: --set depths=[2,2,2,2]; may be repeated",
    )  # fmt: skip


def add_model(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--model", metavar="NAME", help="one of the spec's models; the main one without"
    )


def add_at(parser: ArgumentParser, without: str = "1") -> None:
    parser.add_argument(
        "--at", metavar="N=1,T=128", action=Sizes, default={},
        help=f"sizes of symbolic dimensions; without, {without}",
    )  # fmt: skip


class Settings(Action):
    """Gathers NAME=VALUE pairs, the value read as the spec language reads it."""

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: Any, option: str | None = None
    ) -> None:
        name, equals, text = str(values).partition("=")
        if not equals or not name.isidentifier():
            parser.error(f"--set takes NAME=VALUE, found '{str(values)[:80]}'")
        try:
            value = yaml_value(text)
        except ValueError as error:
            parser.error(f"--set {name}: {error}")
        setattr(namespace, self.dest, {**getattr(namespace, self.dest), name: value})


def yaml_value(text: str) -> Any:
    """A value as YAML 1.2 core writes it: numbers, strings, lists, records. Raises ValueError."""
    from archc.spec.data import plain
    from archc.spec.reader import read_text

    try:
        data = read_text(f"value: {text}\n", "value")
    except SpecError as error:
        raise ValueError(error.diagnostics[0].message) from error
    if list(data.entries) != ["value"]:
        raise ValueError("found several values where one is meant")
    value = plain(data.entries["value"].value)
    if isinstance(value, str) and value.startswith("=") and len(value) > 1:
        raise ValueError("a setting is a value, not a formula")
    return value


class Sizes(Action):
    """Reads `N=8,T=128`."""

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: Any, option: str | None = None
    ) -> None:
        sizes: dict[str, int] = dict(getattr(namespace, self.dest))
        for part in str(values).split(","):
            if not _SYMBOL.match(part.strip()) or part.strip().endswith("=0"):
                parser.error(f"--at takes sizes such as N=8,T=128, found '{part[:80]}'")
            name, _, size = part.strip().partition("=")
            sizes[name] = int(size)
        setattr(namespace, self.dest, sizes)


def choose_model(name: str | None, models: Sequence[str], main: str) -> str:
    """The model that `--model` names. Raises UsageError E703."""
    if name is None:
        return main
    if name not in models:
        raise UsageError.of(
            "E703", f"the spec has no model '{name}'", help=did_you_mean(name, models)
        )
    return name


def check_sizes(sizes: dict[str, int], symbols: Sequence[str]) -> None:
    """Raises UsageError E704 for a size of a dimension that the inputs do not have."""
    for name in sizes:
        if name not in symbols:
            help = did_you_mean(name, symbols) or "its inputs have no symbolic dimensions"
            raise UsageError.of("E704", f"no input has a dimension '{name}'", help=help)
