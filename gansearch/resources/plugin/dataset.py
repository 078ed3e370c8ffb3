"""A data set for gansearch."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from gansearch.builtin.datasets.digest import samples_digest
from gansearch.components import Data, Dataset, ImageShape, Split


class Example(Dataset):
    """Grey pictures of one bright square on a dark ground."""

    samples: Annotated[int, Field(ge=4)] = 1_000
    """Number of pictures, a fifth of them to test with."""
    side: Annotated[int, Field(ge=8)] = 16
    """Height and width in pixels."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the places of the squares."""

    def stated_shape(self) -> ImageShape:
        return ImageShape(1, self.side, self.side)

    def load(self) -> Data:
        draws = np.random.default_rng(self.seed)
        pictures = np.full((self.samples, 1, self.side, self.side), 20, dtype=np.uint8)
        corners = draws.integers(0, self.side - 4, (self.samples, 2))
        for picture, (row, column) in zip(pictures, corners, strict=True):
            picture[0, row : row + 4, column : column + 4] = draws.integers(120, 256)
        test, train = np.split(pictures, [self.samples // 5])
        return Data(
            train=Split(train),
            test=Split(test),
            source=f"squares ({len(train)} train, {len(test)} test)",
            digest=samples_digest(train, test),
        )
