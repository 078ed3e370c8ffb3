"""A generator for gansearch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import nn

from gansearch.components import Generator, ImageShape
from gansearch.domains import Choices, IntRange


class Example(Generator):
    """Two dense layers."""

    latent: Annotated[int, Field(ge=1), Choices(8, 16, 32)] = 16
    """Number of values in one latent."""
    width: Annotated[int, Field(ge=1), IntRange(8, 128, log=True)] = 64
    """Units of the hidden layer."""

    def build(self, images: ImageShape) -> nn.Module:
        return nn.Sequential(
            nn.Linear(self.latent, self.width),
            nn.ReLU(),
            nn.Linear(self.width, images.numel),
            nn.Tanh(),
            nn.Unflatten(1, tuple(images)),
        )
