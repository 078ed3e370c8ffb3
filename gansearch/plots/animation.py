"""Pictures that follow one another as a GIF: how the samples of a trial grew, or where a walk leads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from gansearch.errors import RunFolderError

LARGEST_SIDE = 640
"""Pixels of a picture; a larger one is scaled down."""
MOST_FRAMES = 60
LENGTH, SHORTEST, LONGEST, LAST = 6000, 80, 600, 2500
"""Milliseconds: of the whole, of a frame at least and at most, and of the one that the eye rests on."""
STRIP = 24
"""Height of the line above a picture, in pixels."""


def save_evolution(grids: Sequence[Path], path: Path) -> None:
    """Write the kept pictures of a trial, oldest first, each under its step; the last one is held.

    Raises:
        RunFolderError: when there is none.
    """
    if not grids:
        raise RunFolderError(
            "the trial has kept no pictures of its samples, so there is nothing to draw"
        )
    frames = [labelled(_open(grid), f"step {_step(grid):,}") for grid in _spread(grids)]
    each = min(LONGEST, max(SHORTEST, LENGTH // len(frames)))
    save_gif(frames, [each] * (len(frames) - 1) + [LAST], path)


def save_gif(frames: Sequence[Image.Image], durations: Sequence[int], path: Path) -> None:
    """Write frames of one size and mode, each with the milliseconds that it is shown, again and again.

    Grey ones keep every level. Those in colour share one palette: with palettes of their own, areas
    that do not change would flicker.
    """
    if frames[0].mode != "L":
        palette = _stacked([frames[0], frames[len(frames) // 2], frames[-1]]).quantize(
            256, Image.Quantize.FASTOCTREE
        )
        frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=list(durations), loop=0)


def labelled(picture: Image.Image, label: str) -> Image.Image:
    """The picture, grey or RGB, under a line of text."""
    framed = Image.new(picture.mode, (picture.width, picture.height + STRIP), "white")
    framed.paste(picture, (0, STRIP))
    font = ImageFont.load_default(STRIP * 0.62)
    ImageDraw.Draw(framed).text((4, STRIP / 2), label, "black", font, anchor="lm")
    return framed


def _spread(grids: Sequence[Path]) -> list[Path]:
    """As many as a GIF should have, evenly spaced, the first and the last among them."""
    if len(grids) <= MOST_FRAMES:
        return list(grids)
    return [grids[round(i * (len(grids) - 1) / (MOST_FRAMES - 1))] for i in range(MOST_FRAMES)]


def _open(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        picture = opened.convert("L" if opened.mode == "L" else "RGB")
    picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    return picture


def _step(grid: Path) -> int:
    """Which a picture's name tells."""
    return int(grid.stem.rpartition("-")[2])


def _stacked(pictures: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (pictures[0].width, sum(picture.height for picture in pictures)))
    for i, picture in enumerate(pictures):
        sheet.paste(picture, (0, i * picture.height))
    return sheet
