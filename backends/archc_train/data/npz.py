"""numpy's archives: one array a field, with or without its part in the name."""

from __future__ import annotations

import numpy as np

from archc import npz as archives
from archc.arrays import Array
from archc.errors import InputError
from archc.train.kinds import PARTS
from archc_train.data.raw import Raw, Request, malformed

WANTED = "an .npz file with x_train y_train x_test y_test, or one array a field, of equal lengths"
USUAL = {"x": "image", "y": "label"}  # as MNIST's well-known archive has them


def npz(request: Request) -> Raw:
    """The arrays `FIELD_train`, `FIELD_val`, `FIELD_test`, or `FIELD`.

    `x` and `y` are the fields `image` and `label` where `x` are images and `y` classes.
    """
    path = request.path(WANTED)
    try:
        with archives.read(path) as file:
            arrays = {name: entry.array() for name, entry in file.items()}
    except InputError as error:
        raise malformed(path, f"is no archive of plain arrays: {reason(error)}", WANTED) from error
    parts: dict[str, dict[str, Array]] = {}
    for name, values in arrays.items():
        field, _, part = name.rpartition("_")
        if part not in PARTS or not field:
            field, part = name, "train"
        if values.ndim == 0:
            raise malformed(path, f"has a single number under '{name}', not one an item", WANTED)
        parts.setdefault(part, {})[field] = values
    request.check_parts(parts, path, WANTED)
    whole = "train" if "train" in parts else next(iter(parts))
    names, wanted = usual(parts[whole]), list(parts[whole])
    for part, fields in parts.items():
        if set(fields) != set(wanted):
            both = f"{', '.join(wanted)} in {whole}, {', '.join(fields)} in {part}"
            raise malformed(path, f"has other fields in its parts: {both}")
        parts[part] = {names.get(field, field): plain(values) for field, values in fields.items()}
    return Raw(parts, columns=frozenset(parts[whole]))


def usual(fields: dict[str, Array]) -> dict[str, str]:
    """What images, and classes beside them, are called; other arrays keep their names."""
    if "x" not in fields or fields["x"].dtype != np.uint8 or fields["x"].ndim < 3:
        return {}
    classes = "y" in fields and fields["y"].dtype.kind in "iu" and fields["y"].ndim == 1
    return USUAL if classes else {"x": USUAL["x"]}


def plain(values: Array) -> Array:
    """Classes, which may be stored in a byte, as whole numbers."""
    return values.astype(np.int64) if values.ndim == 1 and values.dtype.kind in "iu" else values


def reason(error: InputError) -> str:
    """Why the archive is none, without its name."""
    return error.diagnostics[0].message.partition("plain arrays: ")[2] or str(error)
