"""Discriminators with a width that follows from the size of the generator."""

from __future__ import annotations

from typing import Annotated, Self

import torch
from pydantic import Field
from torch import nn

from gansearch.components import Discriminator, ImageShape

WIDEST = 2**16
"""Largest width that is tried."""


class Matched(Discriminator):
    """A discriminator whose `width` can be replaced by a ratio of weights."""

    width: Annotated[int, Field(ge=1)]
    """Filters or units of the first layer."""
    weight_ratio: Annotated[float, Field(gt=0)] | None = None
    """Trainable weights as a multiple of the generator's; sets `width` to the nearest match."""

    def matched(self, generator: nn.Module, images: ImageShape) -> Discriminator:
        if self.weight_ratio is None:
            return self
        # Double the width until it has enough weights, then bisect.
        wanted = self.weight_ratio * count_weights(generator)
        low, high = 1, 2
        while high < WIDEST and self._weights(high, images) < wanted:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._weights(middle, images) < wanted else (low, middle)
        nearest = min((low, high), key=lambda width: abs(self._weights(width, images) - wanted))
        return self._of_width(nearest)

    def _weights(self, width: int, images: ImageShape) -> int:
        with torch.device("meta"):
            return count_weights(self._of_width(width).build(images))

    def _of_width(self, width: int) -> Self:
        return self.model_copy(update={"width": width, "weight_ratio": None})


def count_weights(network: nn.Module) -> int:
    """Count the trainable weights of a network."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
