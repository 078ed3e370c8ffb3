"""Depthwise-separable convolutions (Chollet 2017, arXiv:1610.02357; Howard et al. 2017).

A convolution combines neighbouring pixels and channels at once, with k * k * inputs * outputs
weights. One after the other this takes k * k * inputs + inputs * outputs: a ninth for a kernel of 3
and many channels.
"""

from __future__ import annotations

import itertools
import math
from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from gansearch.components import Discriminator, Generator, ImageShape
from gansearch.domains import Choices, IntRange

# `Field` says which values may exist, the domain beside it which of them `search: true` tries.
Width = Annotated[int, Field(ge=1), IntRange(4, 64, log=True)]
Levels = Annotated[int, Field(ge=1, le=6), IntRange(2, 3)]
Kernel = Annotated[Literal[3, 5, 7], Choices(3, 5)]


class SeparableGenerator(Generator):
    """A dense stem, then levels of nearest-neighbour upsampling and a separable convolution."""

    latent: Annotated[int, Field(ge=1), Choices(8, 16, 32, 64)] = 32
    """Number of values in one latent."""
    width: Width = 32
    """Channels of every level."""
    levels: Levels = 2
    """Number of levels, each of which doubles height and width."""
    kernel: Kernel = 3
    """Side of the depthwise kernels."""

    def build(self, images: ImageShape) -> nn.Module:
        # The sizes of the map, smallest first, rounded up so that the last one is the image's.
        sizes = [
            tuple(math.ceil(side / 2**i) for side in images[1:])
            for i in reversed(range(self.levels + 1))
        ]
        # A transposed convolution of a map of one pixel is a dense layer that gives a map.
        stem = nn.ConvTranspose2d(self.latent, self.width, sizes[0], bias=False)
        blocks = [nn.Unflatten(1, (self.latent, 1, 1)), stem, nn.BatchNorm2d(self.width), nn.ReLU()]
        for size in sizes[1:]:
            # No bias: the norm after it would remove it again.
            blocks += [
                nn.Upsample(size),
                *separable(self.width, self.width, self.kernel, bias=False),
            ]
            blocks += [nn.BatchNorm2d(self.width), nn.ReLU()]
        head = nn.Conv2d(self.width, images.channels, 3, padding="same")
        return nn.Sequential(*blocks, head, nn.Tanh())


class SeparableDiscriminator(Discriminator):
    """A convolution, separable ones that double the channels and halve the map, and a score."""

    width: Width = 32
    """Channels of the first level."""
    levels: Levels = 2
    """Number of levels, each of which halves height and width."""
    kernel: Kernel = 3
    """Side of the depthwise kernels."""

    def build(self, images: ImageShape) -> nn.Module:
        # The first convolution is an ordinary one: images have one or three channels.
        blocks = [
            nn.Conv2d(images.channels, self.width, self.kernel, 2, self.kernel // 2),
            nn.LeakyReLU(0.2),
        ]
        widths = [self.width * 2**i for i in range(self.levels)]
        for inputs, outputs in itertools.pairwise(widths):
            blocks += [*separable(inputs, outputs, self.kernel, stride=2), nn.LeakyReLU(0.2)]
        height, width = (math.ceil(side / 2**self.levels) for side in images[1:])
        return nn.Sequential(
            *blocks, nn.Flatten(), nn.Linear(widths[-1] * height * width, 1), nn.Flatten(0)
        )


def separable(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, bias: bool = True
) -> tuple[nn.Module, nn.Module]:
    """Make a convolution of each channel by itself, and one that mixes the channels of a pixel."""
    depthwise = nn.Conv2d(inputs, inputs, kernel, stride, kernel // 2, groups=inputs, bias=False)
    pointwise = nn.Conv2d(inputs, outputs, 1, bias=bias)
    return depthwise, pointwise
