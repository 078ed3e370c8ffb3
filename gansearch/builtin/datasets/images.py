"""What every data set of images can be told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gansearch.components import Dataset

VALUE_RANGES = {"symmetric": (-1.0, 1.0), "unit": (0.0, 1.0)}


class ImageDataset(Dataset):
    """Images, of which a study may take fewer than there are.

    A subclass adds `classes`, the names of those to keep: a problem is simpler with one garment, or
    with one person's pictures. The test images are of the same classes, whatever the limit.
    """

    scale: Literal["symmetric", "unit"] = "symmetric"
    """What black and white are to the networks: -1 and 1, or 0 and 1."""
    limit: Annotated[int, Field(ge=2)] | None = None
    """Training images at most, the first of those kept: too little data on purpose. The test images stay."""

    @property
    def value_range(self) -> tuple[float, float]:
        """What black and white are to the networks."""
        return VALUE_RANGES[self.scale]
