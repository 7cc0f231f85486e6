"""torchvision where there is no CUDA: its operators are declared before anything imports it."""

from __future__ import annotations

import torch

_LIBRARY = torch.library.Library("torchvision", "DEF")
for _op in ("nms", "qnms"):
    _LIBRARY.define(_op + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
