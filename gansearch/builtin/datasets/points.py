"""Mixtures of Gaussians in the plane, whose modes can be counted.

The recipes are those of PacGAN (Lin et al. 2018, arXiv:1712.04086, and its published code), so that
figures can be compared with its Table 1: training on 100,000 samples, a mode is found when a sample
lies within three standard deviations of it.
"""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from functools import lru_cache
from typing import Annotated

import numpy as np
from pydantic import Field

from gansearch.builtin.datasets.digest import samples_digest
from gansearch.components import Data, Dataset, ImageShape, Split


class Mixture(Dataset):
    """Mixture of equally likely Gaussians with one standard deviation."""

    samples: Annotated[int, Field(ge=2, le=10_000_000)] = 100_000
    """Number of training samples."""
    test_samples: Annotated[int, Field(ge=2, le=10_000_000)] = 2_500
    """Number of test samples."""
    limit: Annotated[int, Field(ge=2)] | None = None
    """Largest number of training samples: the first of `samples`. Test samples stay the same."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the samples."""

    sigma: Annotated[float, Field(gt=0)]

    @abstractmethod
    def centres(self) -> np.ndarray:
        """Return the modes, (modes, 2)."""

    def stated_shape(self) -> ImageShape:
        return ImageShape(2, 1, 1)

    def load(self) -> Data:
        return _draw(self)


class Ring2D(Mixture):
    """Eight Gaussians on a circle in the plane."""

    sigma: Annotated[float, Field(gt=0)] = 0.01
    """Standard deviation of each Gaussian."""
    modes: Annotated[int, Field(ge=1, le=1000)] = 8
    """Number of Gaussians."""
    radius: Annotated[float, Field(gt=0)] = 1.0
    """Radius of the circle."""

    def centres(self) -> np.ndarray:
        angles = 2 * math.pi * np.arange(self.modes) / self.modes
        return self.radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


class Grid2D(Mixture):
    """Gaussians on a square grid in the plane, 25 by default."""

    sigma: Annotated[float, Field(gt=0)] = 0.05
    """Standard deviation of each Gaussian."""
    side: Annotated[int, Field(ge=1, le=100)] = 5
    """Number of Gaussians along each side of the grid."""
    spacing: Annotated[float, Field(gt=0)] = 2.0
    """Distance between two neighbours."""

    def centres(self) -> np.ndarray:
        ticks = self.spacing * (np.arange(self.side) - (self.side - 1) / 2)
        return np.array(list(itertools.product(ticks, ticks)))


@lru_cache(maxsize=4)
def _draw(mixture: Mixture) -> Data:
    rng = np.random.default_rng(mixture.seed)
    centres = mixture.centres()
    train = _split(rng, centres, mixture.sigma, mixture.samples, mixture.limit)
    test = _split(rng, centres, mixture.sigma, mixture.test_samples)
    name = "ring-2d" if isinstance(mixture, Ring2D) else "grid-2d"
    counts = f"{len(train.samples)} train, {len(test.samples)} test"
    return Data(
        train=train,
        test=test,
        source=f"{name}, {len(centres)} modes ({counts})",
        digest=samples_digest(train.samples, test.samples),
        modes=centres.astype(np.float32),
        mode_std=mixture.sigma,
    )


def _split(
    rng: np.random.Generator,
    centres: np.ndarray,
    sigma: float,
    count: int,
    limit: int | None = None,
) -> Split:
    """Draw points (count, 2, 1, 1), float32, labelled by their mode; keep the first `limit`."""
    labels = rng.integers(len(centres), size=count)
    points = centres[labels] + sigma * rng.standard_normal((count, 2))
    return Split(points.astype(np.float32)[:limit, :, np.newaxis, np.newaxis], labels[:limit])
