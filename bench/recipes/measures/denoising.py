"""How much nearer to the clean pictures a denoising autoencoder brings noisy ones."""

from __future__ import annotations

import archc_train
from bench.recipes.trained import Trained


def measure(trained: Trained) -> dict[str, float]:
    """`gain` in dB: PSNR of what is drawn less that of what was seen."""
    found = archc_train.measure(trained.folder, device="cpu").numbers
    return {"gain": found["psnr"] - found["psnr_seen"]}
