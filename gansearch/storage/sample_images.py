"""Pictures of samples that a run keeps as it trains."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from gansearch.components import Data
from gansearch.evaluation.evidence import quantise, real_samples
from gansearch.storage.image_grid import beside, image_grid, save_image, scatter


def save_samples(samples: Tensor, data: Data, path: Path, *, reconstructed: bool = False) -> None:
    """Write samples (N, C, H, W), as a generator gives them, as a PNG.

    `reconstructed` says that they were made one by one from the first N test samples: each then
    stands to the right of its own.
    """
    pixels = quantise(samples, data).cpu()
    if data.is_image and reconstructed:
        half = pixels[: len(pixels) // 2]  # as many pictures in all
        save_image(image_grid(beside(real_samples(data, len(half)), half), together=2), path)
    elif data.is_image:
        save_image(image_grid(pixels), path)
    else:
        real = data.test.samples.reshape(len(data.test.samples), -1)
        scatter({"generated": pixels.flatten(1).numpy()}, path, real)
