"""torchvision where there is no CUDA: its operators are declared before it is imported."""

from __future__ import annotations

from typing import Any

import torch


def torchvision_models() -> Any:
    """The module `torchvision.models`."""
    library = torch.library.Library("torchvision", "DEF")
    for op in ("nms", "qnms"):
        library.define(op + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision.models

    return torchvision.models
