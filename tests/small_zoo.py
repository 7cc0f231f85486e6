"""The zoo in sizes that take no time, with every kind of its blocks left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archc.ir.program import Program
from archc.pipeline import compile

SPECS = Path(__file__).parent.parent / "specs"
SMALL: dict[str, dict[str, Any]] = {
    "alexnet": {"hidden": 64},
    "alexnet_2012": {"hidden": 64},
    "additive_attention": {"query": 12, "memory": 10, "hidden": 8},
    "anomaly_detector": {"features": 3, "hidden": 5},
    "autoencoder": {"size": 8, "code": 6},
    "bert": {"vocab": 100, "context": 20, "dim": 16, "heads": 2, "layers": 3},
    "bert_pretraining": {"vocab": 100, "context": 20, "dim": 16, "heads": 2, "layers": 3},
    "conv_autoencoder": {"size": 8, "filters": [4, 6]},
    "conv_vae": {"size": 8, "filters": [4, 6], "hidden": 12, "latent": 5},
    "convnext": {"depths": [1, 1, 2, 1], "dims": [8, 16, 24, 32], "classes": 10},
    "cyclegan": {"width": 8, "size": 32},
    "dcgan": {"latent": 6, "width": 4, "size": 32},
    "densenet": {"depths": [2, 3, 3, 2]},
    "dot_product_attention": {"dim": 12, "general": True, "scaled": True},
    "efficientnet": {"width": 0.25, "depth": 0.5, "resolution": 64, "classes": 10},
    "forecaster": {
        "features": 5,
        "window": 30,
        "horizon": 3,
        "filters": 6,
        "kernel": 3,
        "hidden": 7,
        "period": 4,
        "skip_hidden": 2,
        "linear_window": 8,
    },
    "gan": {"latent": 6, "hidden": 12, "units": 5},
    "gman": {"latent": 6, "width": 4, "hidden": 16, "judges": 3},
    "gpt2": {"vocab": 100, "context": 20, "dim": 16, "heads": 2, "layers": 3},
    "language_model": {"vocab": 20, "dim": 8, "hidden": 6},
    "mobilenet_v1": {"alpha": 0.25, "resolution": 64, "classes": 10},
    "mobilenet_v2": {"alpha": 0.35, "resolution": 64, "classes": 10},
    "multi_head_attention": {"dim": 16, "heads": 4},
    "nasbench201": {"width": 4, "cells": 1},
    "resnet": {"depths": [2, 2, 3, 2]},
    "self_attention": {"dim": 16, "causal": True},
    "seq2seq": {"vocab": 50, "embed": 8, "hidden": 6, "align": 5},
    "stylegan": {"resolution": 16, "dim": 16, "widest": 12},
    "swin": {"dim": 24, "heads": [1, 2, 4, 8], "depths": [2, 2, 3, 2]},
    "swin_taps": {"dim": 24, "heads": [1, 2, 4, 8], "depths": [2, 1, 1, 2], "height": 64},
    "taps": {"depths": [2, 2, 3, 2], "channels": 32},
    "text_classifier": {"vocab": 20, "dim": 8, "hidden": 6},
    "transformer": {"vocab": 50, "dim": 16, "heads": 2, "hidden": 8, "layers": 3},
    "unet": {"width": 4, "depth": 3},
    "vgg": {"depths": [1, 1, 1, 1, 1], "hidden": 64},
    "wgan": {"latent": 6, "width": 4, "size": 32},
    "wgan_gp": {"latent": 6, "width": 4, "size": 32},
}

EVERY_SPEC = pytest.mark.parametrize("name", sorted(path.stem for path in SPECS.glob("*.yaml")))


def small(name: str, **settings: Any) -> Program:
    return compile(SPECS / f"{name}.yaml", set={**SMALL.get(name, {}), **settings})
