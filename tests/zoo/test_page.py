"""docs/zoo.md: every network is in it, and every claim is judged by what archc computes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archc.zoo_page import agrees, computed, escaped, networks, told, verdict

PAGE = Path(__file__).parents[2] / "docs" / "zoo.md"
CLAIMS = told()["claims"]
COUNTED = [claim for claim in CLAIMS if "counts" in claim]
KEYS = {"row", "model", "counts", "than", "at", "said", "by", "so"}


def name(claim: dict) -> str:
    return f"{claim['row']}-{claim['said']}"


def test_every_network_is_on_the_page() -> None:
    shown = re.findall(
        r"^\| `(\w+)` \| [0-9,]+ \| [0-9,]+ \| ", PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert sorted(shown) == sorted(row.name for row in networks())


@pytest.mark.parametrize("claim", CLAIMS, ids=name)
def test_a_claim_says_of_what_and_by_whom(claim: dict) -> None:
    assert claim.keys() <= KEYS
    assert claim["row"] in {row.name for row in networks()}
    assert claim["by"]
    assert "so" in claim or "counts" in claim
    assert "so" not in claim or claim["so"].endswith(".")


@pytest.mark.parametrize("claim", COUNTED, ids=name)
def test_a_claim_holds_or_a_sentence_says_why_not(claim: dict) -> None:
    (value,) = computed(claim).values()
    assert agrees(str(claim["said"]), value) != ("so" in claim), verdict(claim)


@pytest.mark.parametrize(
    ("row", "said", "holds"),
    [
        ("lenet5", "60 K", False),
        ("alexnet_2012", "60 M", False),
        ("vgg19", "138 M", False),
        ("vgg16", "138 M", True),
        ("resnet152", "11.3 M", False),
        ("densenet201", "20 M", True),
        ("efficientnet_b7", "66 M", True),
        ("squeezenet1_0", "1.25 M", True),
        ("squeezenet1_0", "50 x", False),
        ("mobilenet_v1", "4.2 M", True),
        ("mobilenet_v2", "3.4 M", False),
        ("swin_t", "29 M", False),
        ("convnext_tiny", "29 M", True),
        ("transformer_base", "65 M", False),
        ("gpt2", "117 M", False),
        ("gpt2_xl", "1.5 B", False),
        ("bert_base", "110 M", False),
        ("bert_large", "340 M", False),
        ("stylegan1024", "26.2 M", True),
    ],
)
def test_the_best_known_claims_are_judged(row: str, said: str, holds: bool) -> None:
    (claim,) = [claim for claim in COUNTED if (claim["row"], str(claim["said"])) == (row, said)]
    assert (verdict(claim)[-1] == "holds") == holds


def test_the_work_of_attention_is_quadratic() -> None:
    (claim,) = [claim for claim in CLAIMS if "O(1)" in str(claim["said"])]
    first, second, third, last = computed(claim).values()  # each at twice the length
    assert second - first < (third - second) / 2 < (last - third) / 4
    assert last > 3 * third


@pytest.mark.parametrize(
    ("said", "value", "same"),
    [
        ("138 M", 138_357_544, True),
        ("138 M", 143_667_240, False),
        ("1.25 M", 1_248_424, True),
        ("1.25 M", 1_240_000, False),
        ("340,908", 340_908, True),
        ("1542 M", 1_557_611_200, False),
        ("0.39 G", 385_814_752, True),
        ("50 x", 49.5, True),
        ("50 x", 48.8, False),
    ],
)
def test_a_claim_agrees_at_its_last_digit(said: str, value: float, same: bool) -> None:
    assert agrees(said, value) == same


def test_text_cannot_become_markup() -> None:
    assert escaped("<b>") == "&lt;b>"
