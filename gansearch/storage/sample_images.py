"""Pictures of samples: a grid of images, or points in the plane."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gansearch.components import Data
from gansearch.evaluation.evidence import quantise, real_samples

SMALLEST_SIDE = 48
"""Pixels: images below are enlarged by a whole factor, so that a person can see them."""
FRAME = 1.5
"""Width of a picture of points over that of the data."""


def save_samples(samples: Tensor, data: Data, path: Path, *, reconstructed: bool = False) -> None:
    """Write samples as a PNG.

    Args:
        samples: samples (N, C, H, W), as a generator gives them.
        data: data set that the generator was trained on.
        path: file to write.
        reconstructed: samples were made one by one from the first N test samples; each stands to
            the right of its own.
    """
    pixels = quantise(samples, data).cpu()
    if data.is_image and reconstructed:
        half = pixels[: len(pixels) // 2]  # as many pictures in all
        image_grid(beside(real_samples(data, len(half)), half), together=2).save(path)
    elif data.is_image:
        image_grid(pixels).save(path)
    else:
        scatter({"generated": pixels.flatten(1).numpy()}, data, path)


def beside(inputs: Tensor, outputs: Tensor) -> Tensor:
    """Return samples (2N, C, H, W) in pairs: each of `outputs` after its own of `inputs`.

    Both have the shape (N, C, H, W).
    """
    return torch.stack([inputs, outputs], dim=1).flatten(0, 1)


def image_grid(pixels: Tensor, together: int = 1, columns: int | None = None) -> Image.Image:
    """Return images side by side.

    Args:
        pixels: images (N, C, H, W), uint8, grey or RGB.
        together: without a number of columns, the images make a square in which so many of them
            stay together on a row.
        columns: number of columns.
    """
    count, channels, height, width = pixels.shape
    columns = columns or math.ceil(math.sqrt(count) / together) * together
    rows = math.ceil(count / columns)
    factor = max(1, math.ceil(SMALLEST_SIDE / min(height, width)))
    sheet = torch.zeros(channels, rows * (height + 1), columns * (width + 1), dtype=torch.uint8)
    for i, image in enumerate(pixels):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        sheet[:, top : top + height, left : left + width] = image
    grid = Image.fromarray(np.ascontiguousarray(sheet.permute(1, 2, 0).numpy().squeeze()))
    return grid.resize((grid.width * factor, grid.height * factor), Image.Resampling.NEAREST)


def scatter(
    groups: Mapping[str, np.ndarray], data: Data, path: Path, *, joined: bool = False
) -> None:
    """Write a picture of points over those of the data.

    The frame is the data's own, so that pictures can be compared; points farther out are not seen.

    Args:
        groups: points (N, 2) by their label.
        data: data set in the background.
        path: file to write.
        joined: draw a line from each point to the next.
    """
    # Imported here: matplotlib takes 0.9 s of CPU, which workers that train on images need not pay.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.add_subplot()
    real = data.test.samples.reshape(len(data.test.samples), -1)
    axes.scatter(real[:, 0], real[:, 1], s=2, color="0.8", label="data")
    middle = (real.max(axis=0) + real.min(axis=0)) / 2
    reach = FRAME * float(np.ptp(real, axis=0).max()) / 2
    for name, points in groups.items():
        if joined:
            axes.plot(points[:, 0], points[:, 1], ".-", linewidth=1, markersize=5, label=name)
        else:
            axes.scatter(points[:, 0], points[:, 1], s=8, label=name)
    axes.set(
        xlim=(middle[0] - reach, middle[0] + reach),
        ylim=(middle[1] - reach, middle[1] + reach),
        aspect="equal",
    )
    axes.legend(loc="upper right", fontsize=8)
    figure.savefig(path, dpi=120)
