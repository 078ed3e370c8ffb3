"""Fields that every dataset of images has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gansearch.components import Dataset

VALUE_RANGES = {"symmetric": (-1.0, 1.0), "unit": (0.0, 1.0)}


class ImageDataset(Dataset):
    """Images, of which a study may take only some.

    A subclass adds `classes`, the names of the classes to keep: a problem is simpler with one
    garment, or with one person's pictures. `limit` does not change the test images.
    """

    scale: Literal["symmetric", "unit"] = "symmetric"
    """Values that black and white have for the networks: -1 and 1, or 0 and 1."""
    limit: Annotated[int, Field(ge=2)] | None = None
    """Training images at most, the first of those kept; null takes all."""
    flip: bool = False
    """Mirror each training image left to right with probability 1/2, whenever a batch is drawn.

    For few images of things that look as likely when mirrored, which letters and digits do not.
    """

    @property
    def value_range(self) -> tuple[float, float]:
        """Values that black and white have for the networks."""
        return VALUE_RANGES[self.scale]
