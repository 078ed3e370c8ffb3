"""Data sets that are drawn by code, for the tables: `use: ../../drawn.py:Faces`."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from gansearch.components import Data, Dataset, ImageShape

sys.path.append(str(Path(__file__).parents[1] / "detectors"))

from pictures import face, made  # type: ignore[import-not-found]


class Faces(Dataset):
    """Coloured faces: a head with eyes and a mouth before a plain background."""

    size: Annotated[int, Field(ge=8, le=64)] = 16
    """Height and width in pixels."""
    pictures: Annotated[int, Field(ge=2)] = 4000
    """Number of training pictures."""
    test_pictures: Annotated[int, Field(ge=2)] = 1000

    def stated_shape(self) -> ImageShape:
        return ImageShape(3, self.size, self.size)

    def load(self) -> Data:
        return _faces(self.size, self.pictures, self.test_pictures)


@lru_cache
def _faces(size: int, pictures: int, test_pictures: int) -> Data:
    data: Data = made(face, size, pictures, test_pictures, "faces")
    return data
