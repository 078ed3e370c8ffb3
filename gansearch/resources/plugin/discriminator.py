"""A discriminator for gansearch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import nn

from gansearch.components import Discriminator, ImageShape
from gansearch.domains import IntRange


class Example(Discriminator):
    """One hidden layer and a score."""

    width: Annotated[int, Field(ge=1), IntRange(16, 256, log=True)] = 64
    """Units of the hidden layer."""

    def build(self, images: ImageShape) -> nn.Module:
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(images.numel, self.width),
            nn.LeakyReLU(0.2),
            nn.Linear(self.width, 1),
            nn.Flatten(0),
        )
