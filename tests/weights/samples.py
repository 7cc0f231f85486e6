"""What the tests of weights share: arrays, and how a source is refused."""

from __future__ import annotations

import numpy as np
import pytest

from archc.errors import InputError
from archc.weights import open_weights


def arrays_of_every_type():
    """One small array of each type that numpy has, an odd number of bytes among them."""
    rng = np.random.default_rng(0)
    types = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]
    arrays = {f"a.{t}": rng.integers(0, 2, (3, 5)).astype(t) for t in types}
    return {**arrays, "scalar": np.float32(3.5), "empty": np.zeros((0, 4), np.float32)}


def entries(mapping):
    return open_weights(mapping).values()


def refusal(source, code="E503", **keywords):
    """The text of the error with which a source is refused, which has the code."""
    with pytest.raises(InputError) as error, open_weights(source, **keywords):
        pass
    assert [d.code for d in error.value.diagnostics] == [code]
    return str(error.value)
