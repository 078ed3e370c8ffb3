from __future__ import annotations

import itertools
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import nn

from gansearch.components import Generator, ImageShape
from gansearch.domains import Choices, FloatRange, IntRange

Size = tuple[int, int]
"""Height and width of a map."""


class Autoencoder(Generator):
    """Maps samples to `latent` values and these to samples again, by a DCGAN generator and its mirror image."""

    feeds_on: ClassVar[Literal["latents", "samples"]] = "samples"

    latent: Annotated[int, Field(ge=1), Choices(8, 16, 32, 64, 100)] = 32
    """Width of the bottleneck."""
    width: Annotated[int, Field(ge=1), IntRange(4, 64, log=True)] = 32
    """Filters next to the image; each level further in has twice as many."""
    levels: Annotated[int, Field(ge=1, le=5), IntRange(2, 4)] = 2
    """How often the encoder halves the map and the decoder doubles it."""
    kernel: Annotated[int, Field(ge=2, le=9), Choices(3, 4, 5)] = 4
    norm: Annotated[Literal["batch", "none"], Choices("batch", "none")] = "batch"
    init: Annotated[Literal["normal", "xavier"], Choices("normal", "xavier")] = "normal"
    init_std: Annotated[float, Field(gt=0), FloatRange(0.005, 0.3, log=True)] = 0.02
    """Of `normal` alone."""
    output: Literal["tanh", "sigmoid"] = "tanh"
    """`sigmoid` for data between 0 and 1."""

    def build(self, images: ImageShape) -> nn.Module:
        """Build encoder, bottleneck and decoder, for samples of any size: maps are halved rounding up."""
        sizes = [
            (_halved(images.height, i), _halved(images.width, i)) for i in range(self.levels + 1)
        ]
        widths = [images.channels, *(self.width * 2**i for i in range(self.levels))]
        levels = list(zip(itertools.pairwise(widths), itertools.pairwise(sizes), strict=True))
        # Dense layers to and from the bottleneck, written as convolutions over the whole map: nothing is reshaped.
        inwards = nn.Conv2d(widths[-1], self.latent, sizes[-1])
        outwards = nn.ConvTranspose2d(self.latent, widths[-1], sizes[-1], bias=self._bias)
        encoder = [layer for level in levels for layer in self._down(*level)]
        # What paints the image is followed by no norm, so it always has a bias.
        decoder = [
            layer
            for level in reversed(levels)
            for layer in self._up(*level, bias=self._bias or level is levels[0])
        ]
        output = nn.Tanh() if self.output == "tanh" else nn.Sigmoid()
        return self._initialised(nn.Sequential(*encoder, inwards, outwards, *decoder, output))

    @property
    def _bias(self) -> bool:
        """A norm takes the bias before it away again."""
        return self.norm == "none"

    def _down(self, widths: tuple[int, int], sizes: tuple[Size, Size]) -> list[nn.Module]:
        padding, _ = _stride_of_two(sizes, self.kernel)
        convolution = nn.Conv2d(*widths, self.kernel, 2, padding, bias=self._bias)
        return [convolution, *self._norm(widths[1]), nn.LeakyReLU(0.2, inplace=True)]

    def _up(
        self, widths: tuple[int, int], sizes: tuple[Size, Size], *, bias: bool
    ) -> list[nn.Module]:
        padding, extra = _stride_of_two(sizes, self.kernel)
        outer, inner = widths
        convolution = nn.ConvTranspose2d(inner, outer, self.kernel, 2, padding, extra, bias=bias)
        return [*self._norm(inner), nn.ReLU(inplace=True), convolution]

    def _norm(self, width: int) -> list[nn.Module]:
        return [nn.BatchNorm2d(width)] if self.norm == "batch" else []

    def _initialised(self, network: nn.Module) -> nn.Module:
        for layer in network.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)) and not layer.weight.is_meta:
                if self.init == "normal":
                    nn.init.normal_(layer.weight, 0.0, self.init_std)
                else:
                    nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        return network


def _halved(length: int, times: int) -> int:
    return -(-length >> times)


def _stride_of_two(sizes: tuple[Size, Size], kernel: int) -> tuple[Size, Size]:
    """Padding and output padding, each along height and width, between a map and the one half its size.

    They solve large = (small - 1) * 2 - 2 * padding + kernel + extra, which a transposed convolution
    asks for; the convolution the other way needs the same padding.
    """
    large, small = sizes
    height, width = ((small[axis] - 1) * 2 + kernel - large[axis] for axis in (0, 1))
    return ((height + 1) // 2, (width + 1) // 2), (height % 2, width % 2)
