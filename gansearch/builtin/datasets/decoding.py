"""Pictures of unknown origin decoded to grey or RGB, upright and opaque."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Literal, NamedTuple

import numpy as np
from PIL import Image, ImageColor, UnidentifiedImageError

from gansearch.builtin.datasets.bit_depth import SIXTEEN_BITS, Levels, is_deep, read_deep, scaled
from gansearch.builtin.datasets.resizing import fitted

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM")
"""Pillow's names of the formats that are decoded."""
LARGEST_OPENED = 178_000_000
"""Pixels above which Pillow refuses to open a picture."""
ORIENTATION = 0x0112
"""The EXIF tag that says how a picture has to be turned."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class PictureError(Exception):
    """A picture that cannot or must not be decoded: the kind of reason, and its detail."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


class Decoded(NamedTuple):
    """A decoded picture, and properties of the file that it comes from."""

    pixels: np.ndarray
    """(channels, height, width), uint8."""
    format: str
    size: tuple[int, int]
    """Width and height in the file."""
    mode: str
    """Pillow's name of its colours, such as RGB, L or CMYK."""
    animated: bool
    """More than one frame, of which the first was decoded."""


@dataclass(frozen=True)
class Decoder:
    """Decoder of pictures to one shape."""

    channels: Literal[1, 3]
    height: int
    width: int
    background: str = "white"
    """Colour that shows through transparent pixels, by a name or code that CSS knows."""
    largest: int = 16_000_000
    """Pixels at most, checked in the header: some hundred kilobytes can unpack to gigabytes."""
    levels: Levels = SIXTEEN_BITS
    """Values of black and white in files of more than 8 bits."""

    def decode(self, stream: IO[bytes]) -> Decoded:
        """Decode a picture, its first frame where there are several.

        Raises:
            PictureError: when it is damaged, too large, or in another format.
        """
        with opened(stream) as picture:
            size, mode = picture.size, picture.mode
            kind = "JPEG" if picture.format == "MPO" else str(picture.format)
            animated = kind != "JPEG" and bool(getattr(picture, "is_animated", False))
            self._bound(picture)
            if is_deep(picture):
                upright = turned(scaled(read_deep(picture, stream), self.levels), picture)
            else:
                picture.load()  # which turns a TIFF upright, and takes its orientation away
                upright = turned(picture, picture)
            opaque = self._opaque(upright)
            return Decoded(fitted(opaque, self.height, self.width), kind, size, mode, animated)

    def _bound(self, picture: Image.Image) -> None:
        """Decode a large JPEG at 1/2, 1/4 or 1/8 of its size; refuse other large pictures."""
        width, height = picture.size
        fit = [n for n in (2, 4, 8) if width * height <= self.largest * n * n]
        if width * height > self.largest and fit:
            # Twice the wanted size leaves Lanczos enough to average over, however it is turned.
            side = 2 * max(self.height, self.width)
            factor = max((n for n in fit if min(width, height) >= n * side), default=fit[0])
            picture.draft(None, (max(1, width // factor), max(1, height // factor)))
        if picture.width * picture.height > self.largest:
            raise PictureError(
                "too large",
                f"{width} x {height} is more than dataset.max_megapixels "
                f"({self.largest / 1e6:g}) allows",
            )

    def _opaque(self, picture: Image.Image) -> Image.Image:
        """Convert a picture to grey or RGB, transparent pixels in the background colour."""
        mode = "L" if self.channels == 1 else "RGB"
        if not picture.has_transparency_data:
            return picture.convert(mode)
        coloured = picture.convert("RGBA")
        below = Image.new("RGBA", coloured.size, ImageColor.getrgb(self.background))
        return Image.alpha_composite(below, coloured).convert(mode)


@contextlib.contextmanager
def opened(stream: IO[bytes]) -> Iterator[Image.Image]:
    """Open a picture; whatever its decoder raises within becomes a `PictureError`."""
    try:
        if not stream.read(1):
            raise PictureError("empty")
        stream.seek(0)
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(stream, formats=FORMATS) as picture,
        ):
            yield picture
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError("no picture", f"not one of {', '.join(FORMATS)}") from None
    except Image.DecompressionBombError as error:  # Pillow's own limit, far above ours
        raise PictureError("too large", str(error)) from None
    except Exception as error:  # a decoder may raise any exception; only this picture is lost
        raise PictureError("damaged", f"{error or type(error).__name__}") from None


def turned(picture: Image.Image, source: Image.Image) -> Image.Image:
    """Turn a picture upright as the EXIF block of its source says.

    The orientation alone is read: other tags may be damaged without doing harm.
    """
    try:
        orientation = source.getexif().get(ORIENTATION)
    except Exception:  # an unreadable EXIF block says nothing of the pixels
        return picture
    turn = TURNS.get(orientation) if isinstance(orientation, int) else None
    return picture if turn is None else picture.transpose(turn)
