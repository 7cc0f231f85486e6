"""Backends by name, found through the entry point group `archc.backends`."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from archc.errors import Diagnostic, MissingPackageError, did_you_mean

# By a backend's name: the extra that brings it, and the package that it stands on.
EXTRAS = {"torch": "torch", "onnx": "onnx", "ort": "onnx", "train": "train"}
NEEDS = {"torch": "torch", "ort": "onnxruntime", "train": "accelerate"}


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
    package = NEEDS.get(name)
    if package is not None and find_spec(package) is None:
        raise _missing(name, package)
    try:
        return import_module(points[name].value)
    except ModuleNotFoundError as error:
        raise _missing(name, (error.name or "").partition(".")[0]) from error


def _missing(name: str, package: str) -> MissingPackageError:
    extra = EXTRAS.get(name, name)
    return MissingPackageError(
        [
            Diagnostic(
                "E510",
                f"this needs the package '{package}'",
                help=f'pip install "archc-compiler[{extra}]"',
            )
        ]
    )
