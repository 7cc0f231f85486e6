"""Stored weights matched with those of a network by name."""

from __future__ import annotations

import numpy as np
import pytest

from archc.errors import InputError
from archc.init import Init
from archc.matching import Rules, Wanted, match
from archc.place import Place, Source
from archc.weights import initial, open_weights


def stored(**arrays):
    return open_weights({name.replace("__", "."): array for name, array in arrays.items()})


F32 = np.float32


def codes(error):
    return {d.code: d for d in error.value.diagnostics}


def test_weights_of_the_same_names_match_as_they_are():
    weights = stored(a=np.ones((2, 3), F32), b=np.arange(3))
    found = match(weights, [Wanted("b", "int64", (3,)), Wanted("a", "float32", (2, 3))])
    assert found == {"b": found["b"], "a": found["a"]}
    assert found["a"].array().tolist() == [[1, 1, 1], [1, 1, 1]]


def test_rules_ignore_rename_and_transpose():
    rules = Rules(ignore=("*.index",), rename=(("model.*", "*"),), transpose=("fc.*",))
    kernel = np.arange(6, dtype=F32).reshape(2, 3)
    weights = stored(
        model__fc__weight=kernel,
        model__fc__bias=np.zeros(3, F32),
        model__a__index=np.zeros(9),
        model__bn__num_batches_tracked=np.int64(7),
    )
    wanted = [Wanted("fc.weight", "float32", (3, 2)), Wanted("fc.bias", "float32", (3,))]
    found = match(weights, wanted, rules)
    assert [entry.name for entry in found.values()] == ["fc.weight", "fc.bias"]
    assert np.array_equal(found["fc.weight"].array(), kernel.T)
    assert b"".join(found["fc.weight"].chunks(4)) == kernel.T.tobytes()


@pytest.mark.parametrize("given", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("wanted", ["float16", "bfloat16", "float32", "float64"])
def test_floating_types_are_converted(given, wanted):
    entry = initial("w", given, (40, 7), Init("normal"), 0)
    found = match(open_weights({"w": entry}), [Wanted("w", wanted, (40, 7))])["w"]
    assert found.dtype == wanted
    again = open_weights({"w": found})["w"].converted("float64").array()
    assert np.allclose(again, entry.converted("float64").array(), rtol=2**-7)
    assert b"".join(found.chunks(100)) == found.array().tobytes()


def test_a_value_that_does_not_fit_is_an_error_when_read():
    entry = stored(w=np.array([1e6], F32))["w"].converted("float16")
    with pytest.raises(InputError, match="w: float16 cannot hold") as error:
        list(entry.chunks())
    assert codes(error).keys() == {"E505"}


def test_all_differences_are_reported_at_once():
    source = Source("net.yaml", "graph:\n  - linear: 3\n")
    weights = stored(
        a=np.zeros((2, 3), F32), b=np.zeros(3, np.int32), t=np.zeros(2, F32), u=np.ones(2, F32),
        old__c=np.zeros(1, F32), more=np.zeros(1, F32),
    )  # fmt: skip
    wanted = [
        Wanted("a", "float32", (3, 2), place=Place(source, 2, 5)),
        Wanted("b", "float32", (3,)),
        Wanted("c", "float32", (1,)),
        Wanted("d", "float32", (1, 2)),
        Wanted("t", "float32", (2,), aliases=("u", "v")),
    ]
    with pytest.raises(InputError) as error:
        match(weights, wanted)
    found = codes(error)
    assert list(found) == ["E501", "E502", "E504", "E505", "E506"]
    assert found["E501"].message == "the given weights: 2 weights are missing"
    assert found["E501"].notes == ("c float32[1]", "d float32[1, 2]")
    assert '{rename: {"old.*": "*"}}' in found["E501"].help
    assert found["E502"].notes == ("old.c float32[1]", "more float32[1]")
    assert found["E504"].notes == ("a: stored [2, 3], wanted a float32[3, 2] (net.yaml:2:5)",)
    assert "transpose: [a]" in found["E504"].help
    assert found["E504"].message == "the given weights: a weight has the wrong shape"
    assert found["E505"].notes == ("b: stored int32, wanted b float32[3]",)
    assert found["E506"].notes == ("u is tied to t",)


def test_without_strictness_what_is_there_and_fits_is_taken():
    weights = stored(a=np.zeros(2, F32), more=np.zeros(1, F32))
    wanted = [Wanted("a", "float32", (2,)), Wanted("b", "float32", (2,))]
    assert list(match(weights, wanted, strict=False)) == ["a"]
    with pytest.raises(InputError, match="E504"):
        match(weights, [Wanted("a", "float32", (3,))], strict=False)


def test_a_tied_weight_may_be_stored_once_under_either_name_or_twice():
    table = np.ones((4, 2), F32)
    wanted = [Wanted("wte", "float32", (4, 2), aliases=("head",))]
    for weights in (stored(wte=table), stored(head=table), stored(wte=table, head=table.copy())):
        found = match(weights, wanted)
        assert found["wte"].name == "wte"
        assert np.array_equal(found["wte"].array(), table)
    half = stored(wte=table, head=table.astype(np.float16))
    assert match(half, wanted)["wte"].dtype == "float32"


def test_two_stored_weights_for_one_are_an_error():
    weights = stored(a=np.zeros(1, F32), m__a=np.zeros(1, F32))
    with pytest.raises(InputError, match=r"a and m\.a both give a") as error:
        match(weights, [Wanted("a", "float32", (1,))], Rules(rename=(("m.*", "*"),)))
    assert codes(error).keys() == {"E507"}
