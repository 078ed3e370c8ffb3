"""Samples of a trained generator: a grid, or a latent walk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from gansearch.errors import GansearchError
from gansearch.evaluation.evidence import quantise
from gansearch.plots.animation import enlarged, labelled, save_gif
from gansearch.storage.sample_images import beside, image_grid, scatter
from gansearch.storage.trained_generator import TrainedGenerator

LETTERS = 13
"""Size of the labels, in pixels."""
PACE = 120
"""Milliseconds of a frame."""


def save_grid(trained: TrainedGenerator, path: Path, seed: int, count: int) -> None:
    """Write samples of random latents; for an autoencoder held-out inputs and reconstructions."""
    stored = None
    if trained.reconstructs:
        stored = trained.draw_held_out(count, seed)
        inputs = trained.data.to_range(stored)
    else:
        inputs = trained.draw_latents(count, seed)
    samples = quantise(trained.generate(inputs), trained.format)
    if not trained.format.is_image:
        scatter({"generated": samples.flatten(1).numpy()}, trained.data, path)
    elif stored is None:
        image_grid(samples).save(path)
    else:
        image_grid(beside(stored, samples), together=2).save(path)


def save_walk(
    trained: TrainedGenerator,
    path: Path,
    seed: int,
    dimensions: Sequence[int],
    span: float,
    frames: int,
) -> None:
    """Write a latent walk: a sheet, or an animation for a .gif; for points, their paths.

    Raises:
        GansearchError: when the generator has no such latent, or a walk of points is to be a .gif.
    """
    if not trained.format.is_image and path.suffix.lower() == ".gif":
        raise GansearchError("a walk of points is drawn whole: write it to a .png")
    walk = Walk(trained, seed, dimensions, span, frames)
    if not trained.format.is_image:
        scatter(walk.paths(), trained.data, path, joined=True)
    elif path.suffix.lower() == ".gif":
        save_gif(*walk.animation(), path)
    else:
        walk.sheet().save(path)


class Walk:
    """Samples along dimensions of the latent: one changes, all others stay."""

    def __init__(
        self,
        trained: TrainedGenerator,
        seed: int,
        dimensions: Sequence[int],
        span: float,
        frames: int,
    ) -> None:
        """Walk each dimension from -span to +span; the seed gives the others.

        Raises:
            GansearchError: for an autoencoder, and for a dimension that the latent has not got.
        """
        if trained.reconstructs:
            raise GansearchError(
                "this generator makes samples of samples: it has no latents to walk through"
            )
        latent = trained.candidate.generator.latent
        if beyond := [dimension for dimension in dimensions if not 0 <= dimension < latent]:
            raise GansearchError(
                f"the latent has dimensions 0 to {latent - 1}, got {', '.join(map(str, beyond))}"
            )
        self.dimensions = list(dimensions)
        self.values = np.linspace(-span, span, frames).tolist()
        latents = walk_latents(trained.draw_latents(1, seed)[0], dimensions, self.values)
        samples = quantise(trained.generate(latents.flatten(0, 1)), trained.format)
        self.samples = samples.view(*latents.shape[:2], *samples.shape[1:])
        """(dimensions, frames, C, H, W), quantised."""

    def sheet(self) -> Image.Image:
        """Return a sheet of images, both labelled: a row a dimension, a column a value."""
        grid = image_grid(self.samples.flatten(0, 1), columns=len(self.values))
        rows = [f"dimension {dimension}" for dimension in self.dimensions]
        return _with_margins(grid, rows, [f"{value:+.1f}" for value in self.values])

    def animation(self) -> tuple[list[Image.Image], list[int]]:
        """Return frames of a walk there and back, an image a dimension, and their milliseconds."""
        walked = "dimension " + ", ".join(map(str, self.dimensions))
        columns = min(4, len(self.dimensions))
        frames = []
        for i, value in enumerate(self.values):
            grid = enlarged(image_grid(self.samples[:, i], columns=columns))
            frames.append(labelled(grid, f"{walked} at {value:+.1f}"))
        frames += frames[-2:0:-1]
        return frames, [PACE] * len(frames)

    def paths(self) -> dict[str, np.ndarray]:
        """Return the path of each dimension, points (frames, 2) by its label."""
        points = self.samples.flatten(2).numpy()
        return {f"dimension {dimension}": points[i] for i, dimension in enumerate(self.dimensions)}


def walk_latents(start: Tensor, dimensions: Sequence[int], values: Sequence[float]) -> Tensor:
    """Return latents (dimensions, values, latent) that each differ from `start` in one place.

    Args:
        start: a latent (latent,).
        dimensions: the dimensions to change, a row each.
        values: the values that they get, a column each.
    """
    latents = start.repeat(len(dimensions), len(values), 1)
    for row, dimension in zip(latents, dimensions, strict=True):
        row[:, dimension] = torch.tensor(values)
    return latents


def _with_margins(grid: Image.Image, rows: Sequence[str], columns: Sequence[str]) -> Image.Image:
    """Return a grid with row names to the left and column names above."""
    font = ImageFont.load_default(LETTERS)
    left, top = 8 + max(round(font.getlength(row)) for row in rows), LETTERS + 8
    sheet = Image.new(grid.mode, (left + grid.width, top + grid.height), "white")
    sheet.paste(grid, (left, top))
    draw, width, height = ImageDraw.Draw(sheet), grid.width / len(columns), grid.height / len(rows)
    for i, row in enumerate(rows):
        draw.text((left - 4, top + (i + 0.5) * height), row, "black", font, anchor="rm")
    for i, column in enumerate(columns):
        draw.text((left + (i + 0.5) * width, top / 2), column, "black", font, anchor="mm")
    return sheet
