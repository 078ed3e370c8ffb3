"""Grids of images and drawings of points, from arrays alone: nothing here needs torch."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from gansearch.errors import RunFolderError
from gansearch.files import replacing

SMALLEST_SIDE = 48
"""Pixels: images below are enlarged by a whole factor, so that a person can see them."""
FRAME = 1.5
"""Width of a picture of points over that of the data."""


def beside(inputs: ArrayLike, outputs: ArrayLike) -> np.ndarray:
    """Return samples (2N, C, H, W) in pairs: each of `outputs` after its own of `inputs`."""
    pairs = np.stack([np.asarray(inputs), np.asarray(outputs)], axis=1)
    return pairs.reshape(-1, *pairs.shape[2:])


def image_grid(images: ArrayLike, together: int = 1, columns: int | None = None) -> Image.Image:
    """Arrange images (N, C, H, W), uint8 grey or RGB, side by side with a line between them.

    Args:
        images: the images.
        together: number of images that stay together on a row.
        columns: number of columns; by default the images make a square.
    """
    pixels = np.asarray(images)
    count, channels, height, width = pixels.shape
    columns = columns or math.ceil(math.sqrt(count) / together) * together
    rows = math.ceil(count / columns)
    sheet = np.zeros((rows * (height + 1), columns * (width + 1), channels), dtype=np.uint8)
    for i, image in enumerate(pixels):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        sheet[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    grid = Image.fromarray(sheet[..., 0] if channels == 1 else sheet)
    factor = max(1, math.ceil(SMALLEST_SIDE / min(height, width)))
    return grid.resize((grid.width * factor, grid.height * factor), Image.Resampling.NEAREST)


def open_samples(path: Path) -> Image.Image:
    """Return a picture of samples that a trial has kept, grey or RGB.

    Raises:
        RunFolderError: if it is damaged, or larger than Pillow takes for harmless.
    """
    try:
        with Image.open(path) as opened:
            return opened.convert("L" if opened.mode == "L" else "RGB")
    # Pillow's decoders raise these, and SyntaxError for a broken PNG.
    except (
        *(OSError, SyntaxError, ValueError, TypeError, IndexError, struct.error, zlib.error),
        Image.DecompressionBombError,
    ) as error:
        raise RunFolderError(f"{path} is damaged: {error}") from None


def save_image(image: Image.Image, path: Path) -> None:
    """Write an image in the format of the path's ending, in place of what stands there."""
    with replacing(path) as new:
        image.save(new)


def scatter(
    groups: Mapping[str, np.ndarray],
    path: Path,
    real: np.ndarray | None = None,
    *,
    joined: bool = False,
) -> None:
    """Write points as a PNG.

    Args:
        groups: points (N, 2) by their label.
        path: the file.
        real: points (N, 2) of the data, drawn below. The frame is then theirs, so that pictures can
            be compared; points farther out are not seen.
        joined: draw a line from each point to the next.
    """
    # Imported here: matplotlib takes 0.9 s of CPU, which workers that train on images need not pay.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.add_subplot(aspect="equal")
    if real is not None:
        axes.scatter(real[:, 0], real[:, 1], s=2, color="0.8", label="data")
        middle = (real.max(axis=0) + real.min(axis=0)) / 2
        reach = FRAME * float(np.ptp(real, axis=0).max()) / 2
        axes.set_xlim(middle[0] - reach, middle[0] + reach)
        axes.set_ylim(middle[1] - reach, middle[1] + reach)
    for name, points in groups.items():
        if joined:
            axes.plot(points[:, 0], points[:, 1], ".-", linewidth=1, markersize=5, label=name)
        else:
            axes.scatter(points[:, 0], points[:, 1], s=8, label=name)
    axes.legend(loc="upper right", fontsize=8)
    with replacing(path) as new:
        figure.savefig(new, dpi=120)
