"""`archc schema`: what editors complete and check, by the same schemas that `check` uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from archc.init import INITIALISERS
from archc.ops.registry import ops
from archc.spec.accept import accepts
from archc.spec.ast import MODIFIERS
from archc.spec.data import plain
from archc.spec.load import Loader
from archc.spec.publish import published
from archc.spec.reader import read_file, read_text
from archc.spec.schema import attributes
from archc.spec.skeleton import SKELETON

SPECS = sorted((Path(__file__).parents[2] / "specs").rglob("*.yaml"))
GENERAL = Draft202012Validator(published())


def as_json(value: Any) -> Any:
    """Data as editors see it: keys are text."""
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list) else value


def valid(text: str, schema: Draft202012Validator = GENERAL) -> bool:
    return schema.is_valid(as_json(plain(read_text(text, "spec.yaml"))))


def steps(text: str) -> str:
    return f"archc: 1\ninputs: {{x: [N, 8]}}\ngraph:\n  - {text}\n"


def test_the_metaschema_accepts_it() -> None:
    spec = next(path for path in SPECS if path.stem == "transformer")
    own = published(Loader().load(spec))
    general = published()
    # The ops' definitions are the same in both, and checking them takes seconds.
    own["$defs"] = {name: one for name, one in own["$defs"].items() if name[:3] != "op."}
    for schema in (general, own):
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_zoo_is_valid_by_the_general_schema_and_by_its_own(path: Path) -> None:
    data = as_json(plain(read_file(path)))
    own = published(Loader().load(path))
    for validator in (GENERAL, Draft202012Validator(own)):
        assert [error.message for error in validator.iter_errors(data)] == []


@pytest.mark.parametrize("name", ops())
def test_the_examples_of_an_op_are_valid(name: str) -> None:
    for one in ops()[name].examples:
        assert valid(steps(one.step)), one.step


@pytest.mark.parametrize("name", [name for name, op in ops().items() if op.rest is None])
def test_a_misspelt_attribute_is_not(name: str) -> None:
    assert not valid(steps(f"{name}: {{no_such_attribute: 1}}"))
    assert not valid(steps(f"{{{name}: {{no_such_attribute: 1}}, name: a}}"))


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("conv2d: {out: =4 * n, kernel: [=n, 3], padding: same}", True),
        ("{conv2d: {out: 8, kernel: 3}, name: 1, when: =a, repeat: {i: 4}}", True),
        ("{conv2d: {out: 8, kernel: 3}, in: {x: prev, weight: w, bias}}", True),
        ("{linear: 8, init: {weight: {normal: 0.02}, bias: zeros}, freeze: true}", True),
        ("{linear: 8, init: {weight: {uniform: [-0.1, 0.1]}}}", True),
        ("{linear: 8, init: {weight: {trunc_normal: [0, =d]}}}", True),
        ("{=act: {a: 1}, name: b}", True),
        ("my_block: {a: 1}", True),
        ("self_attention: {heads: 8, causal: =c}", True),
        ("conv2d: {out: eight, kernel: 3}", False),
        ("conv2d: {out: 8, kernel: 3.5}", False),
        ("conv2d: {out: 8, kernel: [1, 2, 3]}", False),
        ("conv2d: {out: 8, kernel: 3, padding: full}", False),
        ("conv2d: 8", False),
        ("{linear: 8, init: {weight: {norml: 0.02}}}", False),
        ("{linear: 8, init: {weight: {normal: {stdev: 1}}}}", False),
        ("{linear: 8, init: {weight: {uniform: [-0.1, wide]}}}", False),
        ("{linear: 8, init: {weight: {uniform: [-0.1, 0.1, 0.2]}}}", False),
        ("{linear: 8, repeat: -1}", False),
        ("{linear: 8, when: 7}", False),
        ("self_attention: {head: 8}", False),
        ("self_attention: {causal: true}", False),
    ],
)
def test_values_are_judged_by_the_kind_of_the_attribute(text: str, good: bool) -> None:
    assert valid(steps(text)) is good


def test_every_op_modifier_and_initialiser_is_completed_with_its_documentation() -> None:
    schema = published()
    step = schema["$defs"]["step"]["anyOf"]
    known = {one["const"]: one["description"] for one in step[0]["anyOf"] if "const" in one}
    properties = step[1]["properties"]
    for name, op in ops().items():
        text = schema["$defs"][f"op.{name}"]["description"]
        assert text and known[name] == text
        assert properties[name] == {"$ref": f"#/$defs/op.{name}"}
        completed = schema["$defs"][f"op.{name}"]["anyOf"][-1]["properties"]
        assert {one for one in op.attributes if one != op.rest} == set(completed)
        assert all(one["description"] for one in completed.values())
    assert all(properties[name]["description"] for name in MODIFIERS)
    record = next(one for one in schema["$defs"]["initialiser"]["anyOf"] if "properties" in one)
    assert set(record["properties"]) == set(INITIALISERS)


def test_references_in_it_lead_somewhere() -> None:
    schema = published()

    def follow(value: Any) -> None:
        if isinstance(value, dict):
            target = value.get("$ref")
            if isinstance(target, str):
                found: Any = schema
                for part in target.removeprefix("#/").split("/"):
                    found = found[int(part)] if isinstance(found, list) else found[part]
            for item in value.values():
                follow(item)
        elif isinstance(value, list):
            for item in value:
                follow(item)

    follow(schema)


def test_with_a_spec_its_own_names_are_known_and_others_are_not(archc, tmp_path: Path) -> None:
    spec = tmp_path / "own.yaml"
    text = (
        "archc: 1\nparams: {width: 8, act: relu}\nvariants: {small: {width: 4}}\n"
        "use: [std/conv.yaml]\ninputs: {image: [N, 3, 8, 8]}\n"
        "blocks:\n  wide:\n    params: {out: int, bias: true}\n"
        "    graph: [{conv2d: {out: =out, kernel: 1}}]\n"
        "graph: [{wide: 4}, {conv_norm_act: {out: 8}}, =act]\n"
    )
    spec.write_text(text)
    out = tmp_path / "own.schema.json"
    assert archc("schema", spec, "-o", out) == (0, "", "")
    own = Draft202012Validator(json.loads(out.read_text("utf-8")))
    assert valid(text, own)
    for wrong in (
        text.replace("{wide: 4}", "{wide: {out: 4, bais: true}}"),
        text.replace("{wide: 4}", "{wide: {bias: true}}"),
        text.replace("{wide: 4}", "{wide: {out: four}}"),
        text.replace("{wide: 4}", "{wid: 4}"),
        text.replace("=act]", "rel]"),
        text.replace("{out: 8}", "{oot: 8}"),
        text.replace("small: {width", "small: {with"),
        text.replace("small: {width: 4", "small: {width: four"),
    ):
        assert wrong != text
        assert not valid(wrong, own), wrong
    assert valid(text.replace("{wide: 4}", "{wid: 4}"))


def test_it_is_printed_as_json(archc) -> None:
    found = archc("schema")
    assert (found.code, found.err) == (0, "")
    assert found.json["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert archc("schema", "transformer").json["$defs"]["block.attend"]


def test_a_file_that_is_no_spec_has_no_schema(archc, tmp_path: Path) -> None:
    spec = tmp_path / "list.yaml"
    spec.write_text("- a\n")
    code, out, err = archc("schema", spec)
    assert (code, out) == (1, "")
    assert "error[E103]" in err
    spec.write_text("archc: 1\ngraf: []\n")
    assert "error[E201]" in archc("schema", spec).err


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(-3, 3),
    st.sampled_from(["same", "a", "="]),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["out", "kernel", "bias", "axes", "p"]), inner, max_size=3),
    ),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=60)
@given(st.sampled_from(sorted(ops())), values)
def test_the_quick_yes_is_never_wrong(name: str, value: object) -> None:
    schema = attributes(ops()[name])
    if accepts(schema, value):
        assert Draft202012Validator(schema).is_valid(value)


def test_the_quick_yes_is_said_to_what_people_write() -> None:
    for path in SPECS:
        text = path.read_text("utf-8")
        data = {
            k: v for k, v in yaml.safe_load(text).items() if k in ("archc", "name", "doc", "use")
        }
        assert accepts(SKELETON, data)
    for op in ops().values():
        for one in op.examples:
            written = yaml.safe_load(one.step)
            found = written.get(op.name) if isinstance(written, dict) else None
            if isinstance(found, dict) and "=" not in one.step:
                assert accepts(attributes(op), found), one.step


def test_a_keyword_that_is_not_known_is_left_to_jsonschema() -> None:
    assert not accepts({"oneOf": [{}]}, 1)
    assert not accepts({"$ref": "#/$defs/nothing"}, 1)
