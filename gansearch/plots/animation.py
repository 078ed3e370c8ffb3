"""Animations as GIF: the samples of a trial over its steps, and latent walks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from gansearch.errors import RunFolderError
from gansearch.files import replacing
from gansearch.storage.image_grid import open_samples

LARGEST_SIDE, SMALLEST_SIDE = 640, 256
"""Pixels of a picture; a larger one is scaled down, a smaller one up."""
MOST_FRAMES = 60
LENGTH, SHORTEST, LONGEST, LAST = 6000, 80, 600, 2500
"""Milliseconds of the whole, of a frame at least and at most, and of the last frame."""
STRIP = 24
"""Height of the line above a picture, in pixels."""


def save_evolution(grids: Sequence[Path], path: Path) -> None:
    """Write the pictures of a trial's samples, oldest first, each under its step.

    Raises:
        RunFolderError: when there are none, or one is damaged.
    """
    if not grids:
        raise RunFolderError(
            "the trial has kept no pictures of its samples, so there is nothing to draw"
        )
    shown = list(grids)
    if len(grids) > MOST_FRAMES:  # evenly spaced ones, the first and the last among them
        apart = (len(grids) - 1) / (MOST_FRAMES - 1)
        shown = [grids[round(i * apart)] for i in range(MOST_FRAMES)]
    frames = []
    for grid in shown:
        picture = open_samples(grid)
        picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
        step = int(grid.stem.rpartition("-")[2])
        frames.append(labelled(enlarged(picture), f"step {step:,}"))
    each = min(LONGEST, max(SHORTEST, LENGTH // len(frames)))
    save_gif(frames, [each] * (len(frames) - 1) + [LAST], path)


def save_gif(frames: Sequence[Image.Image], durations: Sequence[int], path: Path) -> None:
    """Write frames of one size and mode as a loop, each with its milliseconds.

    Grey ones keep every level. Those in colour share one palette: with palettes of their own, areas
    that do not change would flicker.
    """
    if frames[0].mode != "L":
        width, height = frames[0].size
        together = Image.new("RGB", (width, 3 * height))
        for i, frame in enumerate((frames[0], frames[len(frames) // 2], frames[-1])):
            together.paste(frame, (0, i * height))
        palette = together.quantize(256, Image.Quantize.FASTOCTREE)
        frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    each = list(durations)
    with replacing(path) as new:
        frames[0].save(new, save_all=True, append_images=frames[1:], duration=each, loop=0)


def labelled(picture: Image.Image, label: str) -> Image.Image:
    """Return the picture, grey or RGB, under a line of text."""
    framed = Image.new(picture.mode, (picture.width, picture.height + STRIP), "white")
    framed.paste(picture, (0, STRIP))
    font = ImageFont.load_default(STRIP * 0.62)
    ImageDraw.Draw(framed).text((4, STRIP / 2), label, "black", font, anchor="lm")
    return framed


def enlarged(picture: Image.Image) -> Image.Image:
    """Return the picture, each pixel repeated until no side is below `SMALLEST_SIDE`."""
    factor = max(1, math.ceil(SMALLEST_SIDE / min(picture.size)))
    size = (picture.width * factor, picture.height * factor)
    return picture.resize(size, Image.Resampling.NEAREST)
