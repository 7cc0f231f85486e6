"""The sets that scikit-learn ships."""

from __future__ import annotations

from typing import Any

import numpy as np

from archc.arrays import Array
from archc_train.data.raw import Raw, Request, needs

NAMES = ("digits", "wine", "breast_cancer", "iris", "diabetes")


def bundled(request: Request) -> Raw:
    """Fields of `digits`: `image` `[N, 1, 8, 8]` and `label`.

    The others have `x`, at a common scale unless `scale: false`, and `label`, or `target` where it
    is a number (diabetes).
    """
    try:
        import sklearn.datasets
    except ModuleNotFoundError as error:
        raise needs("scikit-learn", f"the set {request.kind}") from error
    found: Any = getattr(sklearn.datasets, f"load_{request.kind}")()
    labels = [str(one) for one in getattr(found, "target_names", ())]
    facts = {"labels": labels} if labels else {}
    arrays: dict[str, Array]
    if request.kind == "digits":
        images = (found.images * (255 / 16)).round().astype(np.uint8)
        arrays = {"image": images, "label": found.target.astype(np.int64)}
        return Raw({"train": arrays}, facts)
    arrays = {"x": found.data.astype(np.float32)}
    if labels:
        arrays["label"] = found.target.astype(np.int64)
    else:
        arrays["target"] = found.target.astype(np.float32)
    return Raw({"train": arrays}, facts, scale=True)
