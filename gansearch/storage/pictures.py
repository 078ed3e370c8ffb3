"""Pictures of samples: a grid of images, or points in the plane."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gansearch.components import Data
from gansearch.evaluation.evidence import quantise, real_samples

SMALLEST_SIDE = 48
"""Pixels: images below are enlarged by a whole factor, so that a person can see them."""


def save_samples(samples: Tensor, data: Data, path: Path, *, reconstructed: bool = False) -> None:
    """Write samples (N, C, H, W), as a generator gives them, as a PNG.

    `reconstructed` says that they were made one by one from the first N test samples: each then
    stands to the right of its own.
    """
    pixels = quantise(samples, data).cpu()
    if data.is_image and reconstructed:
        half = pixels[: len(pixels) // 2]  # as many pictures in all
        image_grid(torch.stack([real_samples(data, len(half)), half], dim=1).flatten(0, 1), together=2).save(path)
    elif data.is_image:
        image_grid(pixels).save(path)
    else:
        _scatter(pixels.flatten(1).numpy(), data, path)


def image_grid(pixels: Tensor, together: int = 1) -> Image.Image:
    """Images (N, C, H, W), uint8 grey or RGB, side by side in a square; so many stay together on a row."""
    count, channels, height, width = pixels.shape
    columns = math.ceil(math.sqrt(count) / together) * together
    rows = math.ceil(count / columns)
    factor = max(1, math.ceil(SMALLEST_SIDE / min(height, width)))
    sheet = torch.zeros(channels, rows * (height + 1), columns * (width + 1), dtype=torch.uint8)
    for i, image in enumerate(pixels):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        sheet[:, top : top + height, left : left + width] = image
    array = np.ascontiguousarray(sheet.permute(1, 2, 0).numpy().squeeze())
    grid = Image.fromarray(array)
    return grid.resize((grid.width * factor, grid.height * factor), Image.Resampling.NEAREST)


def _scatter(points: np.ndarray, data: Data, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.add_subplot()
    real = data.test.samples.reshape(len(data.test.samples), -1)
    axes.scatter(real[:, 0], real[:, 1], s=2, color="0.8", label="data")
    axes.scatter(points[:, 0], points[:, 1], s=8, label="generated")
    axes.legend(loc="upper right")
    axes.set_aspect("equal")
    figure.savefig(path, dpi=120)
