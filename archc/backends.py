"""Backends by name, found through the entry point group `archc.backends`."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from archc.errors import MissingPackageError, did_you_mean

EXTRAS = {
    "torch": "torch",
    "onnx": "onnx",
    "ort": "onnx",
}  # a backend's name → the extra that brings it


def backend(name: str) -> ModuleType:
    """The backend's package. Raises MissingPackageError E510, which says what to install."""
    from importlib.metadata import entry_points

    points = {point.name: point for point in entry_points(group="archc.backends")}
    if name not in points:
        raise MissingPackageError.of(
            "E511",
            f"there is no backend '{name}'",
            help=did_you_mean(name, points) or "install archc-compiler anew",
        )
    try:
        return import_module(points[name].value)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        extra = EXTRAS.get(name, name)
        raise MissingPackageError.of(
            "E510",
            f"this needs the package '{package}'",
            help=f'pip install "archc-compiler[{extra}]"',
        ) from error
