"""The zoo against timm."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from reference.agreement import check, randomised

import archc


def test_timm_mobilenet_v1(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    reference = randomised(timm.create_model("mobilenetv1_100"))
    images = torch.randn(2, 3, 224, 224)
    with torch.inference_mode():
        expected = reference(images).numpy()
    check(archc.compile("mobilenet_v1"), reference.state_dict(), images.numpy(), expected, tmp_path)
