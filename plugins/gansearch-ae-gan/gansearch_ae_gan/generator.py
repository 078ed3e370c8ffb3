from __future__ import annotations

import itertools
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import nn

from gansearch.components import Generator, ImageShape
from gansearch.domains import Choices, FloatRange, IntRange

Size = tuple[int, int]
"""Height and width of a feature map."""


class Autoencoder(Generator):
    """Convolutional autoencoder: a DCGAN generator as decoder, and its mirror image as encoder."""

    feeds_on: ClassVar[Literal["latents", "samples"]] = "samples"

    latent: Annotated[int, Field(ge=1), Choices(8, 16, 32, 64, 100)] = 32
    """Width of the bottleneck."""
    width: Annotated[int, Field(ge=1), IntRange(4, 64, log=True)] = 32
    """Filters of the outermost level; each level inwards has twice as many."""
    levels: Annotated[int, Field(ge=1, le=5), IntRange(2, 4)] = 2
    """Number of levels; each halves the map in the encoder and doubles it in the decoder."""
    kernel: Annotated[int, Field(ge=2, le=9), Choices(3, 4, 5)] = 4
    """Side of the kernels."""
    norm: Annotated[Literal["batch", "none"], Choices("batch", "none")] = "batch"
    """Norm after each hidden layer: BatchNorm or none."""
    init: Annotated[Literal["normal", "xavier"], Choices("normal", "xavier")] = "normal"
    """Distribution of the initial weights."""
    init_std: Annotated[float, Field(gt=0), FloatRange(0.005, 0.3, log=True)] = 0.02
    """Standard deviation of `init: normal`."""
    output: Literal["tanh", "sigmoid"] = "tanh"
    """Activation of the output; `sigmoid` for data between 0 and 1."""

    def build(self, images: ImageShape) -> nn.Module:
        """Build encoder, bottleneck and decoder; a map of odd size is halved rounding up."""
        sizes = [
            (_halved(images.height, i), _halved(images.width, i)) for i in range(self.levels + 1)
        ]
        widths = [images.channels, *(self.width * 2**i for i in range(self.levels))]
        levels = list(zip(itertools.pairwise(widths), itertools.pairwise(sizes), strict=True))
        # Dense layers to and from the bottleneck are convolutions over the whole map: no reshape.
        inwards = nn.Conv2d(widths[-1], self.latent, sizes[-1])
        outwards = nn.ConvTranspose2d(self.latent, widths[-1], sizes[-1], bias=self._bias)
        encoder = [layer for level in levels for layer in self._down(*level)]
        # The last layer is followed by no norm, so it always has a bias.
        decoder = [
            layer
            for level in reversed(levels)
            for layer in self._up(*level, bias=self._bias or level is levels[0])
        ]
        output = nn.Tanh() if self.output == "tanh" else nn.Sigmoid()
        return self._initialised(nn.Sequential(*encoder, inwards, outwards, *decoder, output))

    @property
    def _bias(self) -> bool:
        """True unless norms remove the biases again."""
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
    """Return padding and output padding, (height, width) each, between a map and its half.

    They solve large = (small - 1) * 2 - 2 * padding + kernel + output_padding for the transposed
    convolution; the convolution the other way needs the same padding.
    """
    large, small = sizes
    height, width = ((small[axis] - 1) * 2 + kernel - large[axis] for axis in (0, 1))
    return ((height + 1) // 2, (width + 1) // 2), (height % 2, width % 2)
