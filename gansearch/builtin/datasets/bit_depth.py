"""Pictures of more than 8 bits a channel, scaled by the range that they use.

A scan of 12 bits in a file of 16 bits would be nearly black if it were scaled by the file's range.
One range is used for a whole set, so that pictures keep their brightness relative to each other.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import IO, NamedTuple

import numpy as np
from PIL import Image, ImageFile

DEEP = ("RGB;16", "RGBA;16")
"""Beginnings of the raw modes of which Pillow keeps the high byte alone."""
SWAPPED = {"B": "L", "L": "B", "N": "B"}
"""Byte orders by which the low byte is read instead (N: native, which is little-endian here)."""


class Levels(NamedTuple):
    """Values that are black and white."""

    black: float
    white: float


SIXTEEN_BITS = Levels(0, 65_535)


def is_deep(picture: Image.Image) -> bool:
    """Return True for a picture of more than 8 bits a channel, from its header."""
    return picture.mode.startswith("I") or picture.mode == "F" or _raw_mode(picture) is not None


def read_deep(picture: Image.Image, stream: IO[bytes]) -> np.ndarray:
    """Decode all bits: (H, W) of integers or floats, or (H, W, 3 or 4), uint16."""
    raw_mode = _raw_mode(picture)
    if raw_mode is None:
        return np.asarray(picture)
    high = np.asarray(picture).astype(np.uint16)
    # Pillow keeps one byte of each two; with the byte order swapped it keeps the other.
    stream.seek(0)
    with Image.open(io.BytesIO(stream.read()), formats=(str(picture.format),)) as again:
        assert isinstance(again, ImageFile.ImageFile)
        swapped = raw_mode[:-1] + SWAPPED[raw_mode[-1]]
        for i, tile in enumerate(again.tile):
            args = (swapped, *tile.args[1:]) if isinstance(tile.args, tuple) else swapped
            again.tile[i] = tile._replace(args=args)
        pixels: np.ndarray = high << 8 | np.asarray(again)
        return pixels


def extremes(pixels: np.ndarray) -> tuple[float, float]:
    """Return the lowest and the highest value of colours, alpha left out.

    Raises:
        ValueError: when a value is not finite.
    """
    colours = pixels[..., :3] if pixels.ndim == 3 else pixels
    lowest, highest = float(colours.min()), float(colours.max())
    if not np.isfinite([lowest, highest]).all():
        raise ValueError("has values that are not finite")
    return lowest, highest


def levels_of(ranges: Iterable[tuple[float, float]], *, fractions: bool) -> Levels | None:
    """Return black and white of a set, from the lowest and highest value of each picture.

    White is the largest value of the fewest bits, 8 or more, that hold all values; of fractions
    up to 1 it is 1. Where there are values below 0, the lowest one is black.
    """
    known = list(ranges)
    if not known:
        return None
    lowest, highest = min(low for low, _ in known), max(high for _, high in known)
    if lowest < 0:
        return Levels(lowest, max(highest, lowest + 1))
    if fractions and highest <= 1:
        return Levels(0, 1)
    return Levels(0, 2 ** max(8, int(highest).bit_length()) - 1)


def scaled(pixels: np.ndarray, levels: Levels) -> Image.Image:
    """Return a picture of 8 bits in which the levels are 0 and 255; values outside are clipped."""
    black, white = levels
    colours = pixels.astype(np.float32)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        colours[..., 3] = colours[..., 3] / 65_535 * (white - black) + black
    eight = (colours - black) * (255 / (white - black))
    return Image.fromarray(eight.round().clip(0, 255).astype(np.uint8))


def _raw_mode(picture: Image.Image) -> str | None:
    """Return the raw mode of a picture whose low bytes Pillow would drop."""
    for tile in getattr(picture, "tile", ())[:1]:
        args = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        if args and isinstance(args[0], str) and args[0].startswith(DEEP):
            return args[0] if args[0][-1] in SWAPPED else None
    return None
