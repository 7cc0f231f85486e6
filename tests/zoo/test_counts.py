"""Parameters and multiply-accumulates of the zoo equal those of the reference implementations,
exactly.

Counts were taken from torchvision 0.28, timm 1.0.31 and transformers; MACs are those of
convolutions, linear layers and matrix products for one input.
"""

from __future__ import annotations

import pytest

import archc
from archc.cost import macs

COUNTS = {
    "alexnet": (61_100_840, 714_188_480),
    "vgg11": (132_863_336, 7_609_090_048),
    "vgg11_bn": (132_868_840, 7_609_090_048),
    "vgg13": (133_047_848, 11_308_466_176),
    "vgg13_bn": (133_053_736, 11_308_466_176),
    "vgg16": (138_357_544, 15_470_264_320),
    "vgg16_bn": (138_365_992, 15_470_264_320),
    "vgg19": (143_667_240, 19_632_062_464),
    "vgg19_bn": (143_678_248, 19_632_062_464),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet101": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_513_626_624),
    "densenet121": (7_978_856, 2_834_161_664),
    "densenet161": (28_681_000, 7_727_907_072),
    "densenet169": (14_149_480, 3_359_843_328),
    "densenet201": (20_013_928, 4_291_365_888),
    "efficientnet_b0": (5_288_548, 385_814_752),
    "efficientnet_b1": (7_794_184, 686_802_832),
    "efficientnet_b2": (9_109_994, 1_087_529_456),
    "efficientnet_b3": (12_233_232, 1_827_141_392),
    "efficientnet_b4": (19_341_616, 4_393_771_024),
    "efficientnet_b5": (30_389_784, 10_266_384_752),
    "efficientnet_b6": (43_040_704, 19_067_593_536),
    "efficientnet_b7": (66_347_960, 37_745_884_192),
    "squeezenet1_0": (1_248_424, 818_924_576),
    "squeezenet1_1": (1_235_496, 349_151_936),
    "mobilenet_v1": (4_231_976, 568_740_352),
    "mobilenet_v2": (3_504_872, 300_774_272),
    "convnext_tiny": (28_589_128, 4_455_531_264),
    "convnext_small": (50_223_688, 8_683_712_256),
    "convnext_base": (88_591_464, 15_354_729_472),
    "convnext_large": (197_767_336, 34_361_433_600),
    "swin_t": (28_288_354, 4_490_566_656),
    "swin_s": (49_606_258, 8_740_875_264),
    "swin_b": (87_768_224, 15_430_946_816),
    "lenet5": (61_706, 416_520),
}
PARAMS = {
    "gpt2": 124_439_808,
    "transformer_base": 63_082_496,  # with one vocabulary of 37,000
}


@pytest.mark.parametrize("name", COUNTS)
def test_params_and_macs_are_the_references(name: str) -> None:
    program = archc.compile(name)
    assert (program.params, program.macs) == COUNTS[name]


@pytest.mark.parametrize("name", PARAMS)
def test_params_are_the_references(name: str) -> None:
    assert archc.compile(name).params == PARAMS[name]


def test_gpt2_at_full_context() -> None:
    program = archc.compile("gpt2")
    assert macs(program.model, {"N": 1, "T": 1024}) > 124_000_000 * 1024
