"""Resizing of images."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps


def fitted(picture: Image.Image, height: int, width: int) -> np.ndarray:
    """Return pixels (C, height, width), uint8, of a picture in grey or RGB.

    The picture is scaled (Lanczos) until it covers the wanted size; then its centre is cropped.
    """
    pixels = np.asarray(ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS))
    if pixels.ndim == 2:
        return pixels[np.newaxis]
    return pixels.transpose(2, 0, 1)


def resized(images: np.ndarray, side: int) -> np.ndarray:
    """Scale grey images (N, H, W), uint8, to (N, side, side) by bicubic interpolation."""
    pictures = (
        Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC) for image in images
    )
    return np.stack([np.asarray(picture) for picture in pictures])
