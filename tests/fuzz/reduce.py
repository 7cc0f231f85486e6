"""Smaller specs that show the same: parts are left out and numbers made simple while that holds."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import yaml
from fuzz.templates import dumped, written

from archc.errors import SpecError
from archc.ir.program import Definition
from archc.ir.types import TensorType
from archc.pipeline import compile_text

Data = Any
Path = tuple[str | int, ...]
Shows = Callable[[str], bool]
KEPT = ("archc", "name")


def reduced(text: str, shows: Shows, seconds: float = 60.0) -> str:
    """A spec for which `shows` still holds, with as little in it as was found in the time."""
    best, end = yaml.safe_load(text), monotonic() + seconds
    improved = True
    while improved and monotonic() < end:
        improved = False
        for candidate in candidates(best):
            if monotonic() > end:
                break
            if cost(candidate) < cost(best) and holds(candidate, shows):
                best, improved = candidate, True
                break
    return dumped(best)


def holds(data: Data, shows: Shows) -> bool:
    try:
        return shows(dumped(data))
    except yaml.YAMLError:
        return False


def cost(data: Data) -> tuple[int, int]:
    """Fewer parts first, then shorter text."""
    return sum(1 for _ in parts(data)), len(dumped(data))


def candidates(data: Data) -> Iterator[Data]:
    """Simpler specs, the boldest first."""
    yield from promoted(data)
    for path in sorted(parts(data), key=lambda path: -weight(at(data, path))):
        if path[-1] not in KEPT:
            yield without(data, path)
    for path in list(parts(data)):
        value = at(data, path)
        if isinstance(value, dict) and "do" in value and isinstance(path[-1], int):
            yield inlined(data, path, value["do"])
        if isinstance(value, dict) and len(value) == 1 and next(iter(value.values())) is None:
            yield changed(data, path, next(iter(value)))
        for simple in simpler(value):
            yield changed(data, path, simple)


def simpler(value: Data) -> Iterator[Data]:
    if isinstance(value, bool):
        return
    if isinstance(value, int) and value not in (0, 1):
        yield from (1, 2, 0)
    elif isinstance(value, float) and value != 1.0:
        yield 1.0
    elif isinstance(value, str) and value.startswith("="):
        yield from (1, 2, True, False)
    elif isinstance(value, list) and len(value) == 1:
        yield value[0]


def parts(data: Data, path: Path = ()) -> Iterator[Path]:
    """The paths of all that can be left out, outer ones first."""
    items: Any = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from parts(value, (*path, key))


def weight(value: Data) -> int:
    return 1 + sum(1 for _ in parts(value)) if isinstance(value, dict | list) else 1


def at(data: Data, path: Path) -> Data:
    for key in path:
        data = data[key]
    return data


def without(data: Data, path: Path) -> Data:
    result = copy.deepcopy(data)
    del at(result, path[:-1])[path[-1]]
    return result


def changed(data: Data, path: Path, value: Data) -> Data:
    result = copy.deepcopy(data)
    at(result, path[:-1])[path[-1]] = value
    return result


def inlined(data: Data, path: Path, steps: Data) -> Data:
    """A `do` replaced by its steps."""
    result = copy.deepcopy(data)
    place = path[-1]
    assert isinstance(place, int)
    at(result, path[:-1])[place : place + 1] = copy.deepcopy(steps)
    return result


# -- steps as inputs --------------------------------------------------------


def promoted(data: Data) -> Iterator[Data]:
    """A named step of the main graph replaced by an input of its type."""
    try:
        program = compile_text(dumped(data))
    except SpecError:
        return
    main = data["models"].get(program.main) if "models" in data else data
    if not isinstance(main, dict) or not isinstance(main.get("inputs"), dict):
        return
    path: Path = ("models", program.main) if "models" in data else ()
    known = {s for t in program.model.input_types().values() for d in t.dims for s in names(d)}
    for place, step in reversed(list(enumerate(main["graph"]))):
        if isinstance(step, dict) and isinstance(step.get("name"), str):
            type = type_of(program.model, step["name"])
            if type is not None and all(isinstance(d, int) or str(d) in known for d in type.dims):
                result = copy.deepcopy(data)
                target = at(result, path)
                del target["graph"][place]
                shape = [written(size) for size in type.dims]
                target["inputs"][step["name"]] = {"shape": shape, "dtype": type.dtype}
                yield result


def names(size: Any) -> list[str]:
    return [str(size)] if str(size).isidentifier() else []


def type_of(definition: Definition, path: str) -> TensorType | None:
    for _, node in definition.graph.nodes():
        if node.path in (path, f"{path}.0"):
            return node.types[0]
    return None
