"""A generator for gansearch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import nn

from gansearch.components import Generator, ImageShape
from gansearch.domains import Choices, IntRange


class Example(Generator):
    """A dense layer, then two convolutions, each after upsampling."""

    latent: Annotated[int, Field(ge=1), Choices(8, 16, 32)] = 16
    """Number of values in one latent."""
    width: Annotated[int, Field(ge=1), IntRange(4, 32, log=True)] = 16
    """Channels of the last convolution's input; twice as many before the first."""

    def build(self, images: ImageShape) -> nn.Module:
        height, width = -(-images.height // 4), -(-images.width // 4)
        return nn.Sequential(
            nn.Linear(self.latent, 2 * self.width * height * width),
            nn.Unflatten(1, (2 * self.width, height, width)),
            nn.BatchNorm2d(2 * self.width),
            nn.ReLU(),
            nn.Upsample(size=(2 * height, 2 * width)),
            nn.Conv2d(2 * self.width, self.width, 3, padding=1),
            nn.BatchNorm2d(self.width),
            nn.ReLU(),
            nn.Upsample(size=(images.height, images.width)),
            nn.Conv2d(self.width, images.channels, 3, padding=1),
            nn.Tanh(),
        )
