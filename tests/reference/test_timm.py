"""The zoo against timm."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from reference.agreement import check, randomised

import archc

WIDTHS = {
    "mobilenet_v1": 1.0, "mobilenet_v1_100_128": 1.0, "mobilenet_v1_075": 0.75,
    "mobilenet_v1_050_160": 0.5, "mobilenet_v1_025_192": 0.25,
}  # fmt: skip


@pytest.mark.parametrize("name", WIDTHS)
def test_timm_mobilenet_v1(name: str, tmp_path: Path) -> None:
    """timm has a name for the full width alone; the others come from what makes that one."""
    efficientnet = pytest.importorskip("timm.models.efficientnet")
    torch.manual_seed(0)
    program = archc.compile(name)
    (type,) = program.model.input_types().values()
    images = torch.randn(2, *type.dims[1:])
    reference = randomised(efficientnet._gen_mobilenet_v1("mobilenetv1_100", WIDTHS[name]))
    with torch.inference_mode():
        expected = reference(images).numpy()
    check(program, reference.state_dict(), images.numpy(), expected, tmp_path)
