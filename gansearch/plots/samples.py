"""Samples of a trained generator: a grid, or a latent walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gansearch.components import SampleFormat
from gansearch.errors import GansearchError
from gansearch.plots.animation import enlarged, labelled, save_gif
from gansearch.storage.image_grid import beside, image_grid, save_image, scatter

LETTERS = 13
"""Size of the labels, in pixels."""
PACE = 120
"""Milliseconds of a frame."""


class Sampler(Protocol):
    """A trained generator, with or without torch."""

    @property
    def format(self) -> SampleFormat:
        """Shape and range of a sample."""

    @property
    def latent(self) -> int:
        """Number of values in one latent."""

    @property
    def reconstructs(self) -> bool:
        """True for an autoencoder, which has no latents to draw."""

    @property
    def real_points(self) -> np.ndarray | None:
        """Points (N, 2) of the data, where they are known."""

    def draw_latents(self, count: int, seed: int) -> np.typing.ArrayLike:
        """Draw latents (count, latent), always the same of a seed."""

    def sample(self, inputs: np.ndarray) -> np.ndarray:
        """Make samples (N, C, H, W), uint8 for images, of inputs (N, latent)."""

    def reconstructions(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return held-out samples and what an autoencoder makes of them."""


def save_grid(sampler: Sampler, path: Path, seed: int, count: int) -> None:
    """Write samples of random latents; for an autoencoder held-out inputs and reconstructions."""
    held_out: np.ndarray | None = None
    if sampler.reconstructs:
        held_out, samples = sampler.reconstructions(count, seed)
    else:
        samples = sampler.sample(np.asarray(sampler.draw_latents(count, seed)))
    if not sampler.format.is_image:
        scatter({"generated": samples.reshape(len(samples), -1)}, path, sampler.real_points)
    elif held_out is None:
        save_image(image_grid(samples), path)
    else:
        save_image(image_grid(beside(held_out, samples), together=2), path)


def save_walk(sampler: Sampler, path: Path, walk: Walk) -> None:
    """Write a walk: a sheet, or an animation for a .gif; for points, their paths.

    Raises:
        GansearchError: when a walk of points is to be a .gif.
    """
    if not sampler.format.is_image and path.suffix.lower() == ".gif":
        raise GansearchError("a walk of points is drawn whole: write it to a .png")
    rows, frames, latent = walk.latents.shape
    flat = sampler.sample(walk.latents.reshape(-1, latent).astype(np.float32))
    samples = flat.reshape(rows, frames, *flat.shape[1:])
    if not sampler.format.is_image:
        paths = {name: samples[i].reshape(frames, -1) for i, name in enumerate(walk.rows)}
        scatter(paths, path, sampler.real_points, joined=True)
    elif path.suffix.lower() == ".gif":
        pictures = walk.animation(samples)
        save_gif(pictures, [PACE] * len(pictures), path)
    else:
        save_image(walk.sheet(samples), path)


@dataclass(frozen=True)
class Walk:
    """Latents along dimensions: on each path one of them changes, all others stay."""

    latents: np.ndarray
    """(dimensions, frames, latent)"""
    rows: tuple[str, ...]
    """Name of each path."""
    values: tuple[float, ...]
    """Value of the dimension that changes, by frame."""

    @classmethod
    def along(
        cls, sampler: Sampler, seed: int, frames: int, dimensions: Sequence[int], span: float
    ) -> Walk:
        """Walk each dimension from -span to +span; the seed gives the others.

        Raises:
            GansearchError: for an autoencoder, and for a dimension that the latent has not got.
        """
        if sampler.reconstructs:
            raise GansearchError(
                "this generator makes samples of samples: it has no latents to walk through"
            )
        beyond = [one for one in dimensions if not 0 <= one < sampler.latent]
        if beyond:
            raise GansearchError(
                f"the latent has dimensions 0 to {sampler.latent - 1}, "
                f"got {', '.join(map(str, beyond))}"
            )
        values = np.linspace(-span, span, frames)
        start = np.asarray(sampler.draw_latents(1, seed))[0]
        names = tuple(f"dimension {dimension}" for dimension in dimensions)
        return cls(walk_latents(start, dimensions, values), names, tuple(values.tolist()))

    def sheet(self, samples: np.ndarray) -> Image.Image:
        """Arrange images (dimensions, frames, C, H, W): a row a dimension, a column a value."""
        grid = image_grid(samples.reshape(-1, *samples.shape[2:]), columns=len(self.values))

        # The names of rows to the left, the values above
        font = ImageFont.load_default(LETTERS)
        left, top = 8 + max(round(font.getlength(row)) for row in self.rows), LETTERS + 8
        sheet = Image.new(grid.mode, (left + grid.width, top + grid.height), "white")
        sheet.paste(grid, (left, top))
        draw = ImageDraw.Draw(sheet)
        width, height = grid.width / len(self.values), grid.height / len(self.rows)
        for i, row in enumerate(self.rows):
            draw.text((left - 4, top + (i + 0.5) * height), row, "black", font, anchor="rm")
        for i, value in enumerate(self.values):
            place = (left + (i + 0.5) * width, top / 2)
            draw.text(place, f"{value:+.1f}", "black", font, anchor="mm")
        return sheet

    def animation(self, samples: np.ndarray) -> list[Image.Image]:
        """Return the frames of a walk there and back, an image a dimension."""
        walked = ", ".join(self.rows).replace(", dimension", ",")
        columns = min(4, len(samples))
        frames = [
            labelled(
                enlarged(image_grid(samples[:, i], columns=columns)), f"{walked} at {value:+.1f}"
            )
            for i, value in enumerate(self.values)
        ]
        return frames + frames[-2:0:-1]


def walk_latents(
    start: np.ndarray, dimensions: Sequence[int], values: Sequence[float] | np.ndarray
) -> np.ndarray:
    """Latents (dimensions, values, latent) that differ from `start` (latent,) in one place each."""
    latents = np.tile(start, (len(dimensions), len(values), 1))
    for row, dimension in zip(latents, dimensions, strict=True):
        row[:, dimension] = values
    return latents
