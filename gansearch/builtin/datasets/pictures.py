"""Pictures of unknown origin decoded into pixels of one shape, and images brought to another size."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

LARGEST_PICTURE = 16_000_000
"""Pixels. A file of some hundred kilobytes can unpack to gigabytes, so its header is asked first."""
FORMATS = ("PNG", "JPEG")
MODES = {1: "L", 3: "RGB"}
_BACKGROUND = (255, 255, 255, 255)


class RefusedPicture(Exception):
    """A picture that cannot or should not be decoded, with the reason."""


def read_picture(path: Path, channels: Literal[1, 3], height: int, width: int) -> np.ndarray:
    """Pixels (channels, height, width), uint8: turned upright, laid on white, scaled and cropped.

    The picture is scaled until it just covers the wanted size, and its middle is kept.

    Raises:
        RefusedPicture: when it is damaged, too large, or neither PNG nor JPEG.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > LARGEST_PICTURE:
                raise RefusedPicture(
                    f"more than {LARGEST_PICTURE} pixels: {picture.width} x {picture.height}"
                )
            upright = ImageOps.exif_transpose(picture)
            fitted = ImageOps.fit(
                _opaque(upright, MODES[channels]), (width, height), Image.Resampling.LANCZOS
            )
    except UnidentifiedImageError:
        raise RefusedPicture("neither PNG nor JPEG") from None
    except Image.DecompressionBombError:  # Pillow's own limit is ten times as high, and comes first
        raise RefusedPicture(f"more than {LARGEST_PICTURE} pixels") from None
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
    ) as error:  # Pillow's ways of calling a file damaged
        raise RefusedPicture(f"damaged: {error}") from None
    pixels = np.asarray(fitted)
    return pixels[np.newaxis] if channels == 1 else pixels.transpose(2, 0, 1)


def _opaque(picture: Image.Image, mode: str) -> Image.Image:
    if picture.mode.startswith("I"):  # 16 bits, which Pillow would cut off at 255
        picture = Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
    if picture.has_transparency_data:
        coloured = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", coloured.size, _BACKGROUND), coloured)
    return picture.convert(mode)


def resized(images: np.ndarray, side: int) -> np.ndarray:
    """Grey images (N, H, W), uint8, scaled to (N, side, side) by bicubic interpolation."""
    pictures = (
        Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC) for image in images
    )
    return np.stack([np.asarray(picture) for picture in pictures])
