"""`archc zoo`: every spec that comes with archc, by its name."""

from __future__ import annotations

from archc.zoo import locate, names


def test_every_network_is_listed_once_under_a_name_that_means_it(archc) -> None:
    code, out, err = archc("zoo")
    assert (code, err) == (0, "")
    listed = [line.split()[0] for line in out.splitlines()[2:-2]]
    assert len(set(listed)) == len(listed)
    assert {"resnet50", "gpt2", "lenet5", "unet"} <= set(listed)
    assert "resnet" not in listed
    meant = {locate(name) for name in listed}
    every = set(names().values())
    with_variants = {path for path, variant in every if variant is not None}
    assert meant == {(p, v) for p, v in every if v is not None or p not in with_variants}


def test_what_a_network_is_stands_beside_it(archc) -> None:
    out = archc("zoo", "resnet18").out
    assert "Deep residual learning for image recognition (He et al., 2016)" in out


def test_a_text_chooses_and_counts_are_computed_on_demand(archc) -> None:
    found = archc("zoo", "lenet5", "--counts", "--json").json
    assert [(one["name"], one["params"], one["macs"]) for one in found] == [
        ("lenet5", 61706, 416520),
        ("lenet5_1998", 60000, 325680),
    ]
    plain = archc("zoo", "lenet5", "--json").json
    assert set(plain[0]) == {"name", "file", "variant", "doc"}


def test_nothing_found_is_said(archc) -> None:
    code, out, err = archc("zoo", "zzz")
    assert (code, out) == (1, "")
    assert "no spec of the zoo has a name like that" in err
