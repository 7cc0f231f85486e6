"""torchvision where there is no CUDA: its operators are declared before anything imports it.

Import this before torchvision, and before transformers, which imports torchvision where it can.
"""

from __future__ import annotations

from typing import Any

import torch

_LIBRARY = torch.library.Library("torchvision", "DEF")
for _op in ("nms", "qnms"):
    _LIBRARY.define(_op + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def torchvision_models() -> Any:
    """The module `torchvision.models`."""
    import torchvision.models

    return torchvision.models
