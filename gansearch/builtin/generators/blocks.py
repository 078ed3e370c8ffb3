from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field
from torch import nn

from gansearch.components import Generator, ImageShape
from gansearch.domains import Choices, FloatRange, IntRange
from gansearch.layers import (
    ExcitedLevels,
    Initialisation,
    Initialised,
    Norm,
    Output,
    SelfAttention,
    Stacked,
    ToMap,
    Upsampling,
    UpsamplingMethod,
    make_output,
    start_at_shortcuts,
)


class BlockGenerator(Generator, Stacked, Initialised):
    """A dense stem, levels of convolutional blocks that double the map, and a last convolution.

    Upsampling, convolution, shortcuts and norm are fields. `upsampling: nearest, convolution:
    separable` makes small generators, `residual: true` that of SNGAN, and with `convolution:
    inverted-bottleneck, norm: none` that of R3GAN.
    """

    latent: Annotated[int, Field(ge=1), Choices(8, 16, 32, 64)] = 64
    """Number of values in one latent."""
    width: Annotated[int, Field(ge=1), IntRange(4, 64, log=True)] = 32
    """Channels of the map that is as large as the image."""
    growth: Annotated[float, Field(gt=0), FloatRange(1.0, 2.0)] = 1.0
    """Channels of each smaller map as a multiple of those of the next larger one."""
    levels: Annotated[int, Field(ge=1, le=6), IntRange(2, 4)] = 2
    """Number of levels, each of which doubles height and width."""
    upsampling: Annotated[
        UpsamplingMethod, Choices("transposed", "nearest", "bilinear", "pixel-shuffle")
    ] = "nearest"
    """Way to double a map.

    A transposed convolution; interpolation by `nearest` or `bilinear` before the convolution; or a
    convolution to four times the channels, which become pixels (`pixel-shuffle`, Shi et al. 2016).
    """
    skip_excitation: Annotated[bool, Choices(False, True)] = False
    """Gate the channels of large maps by small ones (FastGAN), for images of 64 pixels and more."""
    norm: Annotated[Norm, Choices("batch", "instance", "group", "pixel", "none")] = "batch"
    """Norm of each block.

    BatchNorm, InstanceNorm, GroupNorm of up to eight groups, or for `pixel` a mean square of 1 for
    the channels of each pixel (Karras et al. 2018).
    """
    init: Initialisation = "kaiming"
    """Distribution of the initial weights."""
    init_std: Annotated[float, Field(gt=0)] = 0.02
    """Standard deviation of `init: normal`; the other distributions ignore it."""
    output: Output = "tanh"
    """Activation of the output."""

    def build(self, images: ImageShape) -> nn.Module:
        """Build the network.

        Raises:
            ValueError: when levels, norm or attention do not fit the size of the images.
        """
        sizes, widths = self.sizes(images)[::-1], self.widths()[::-1]
        attended = self.attends(sizes[::-1])
        pixels = sizes[0][0] * sizes[0][1]
        stem: list[nn.Module] = [
            nn.Linear(self.latent, widths[0] * pixels, bias=self.residual or self.needs_bias),
            ToMap(widths[0], sizes[0]),
        ]
        if not self.residual:
            stem += self.after(widths[0])
        if sizes[0] == attended:
            stem.append(SelfAttention(widths[0]))
        levels: list[nn.Module] = []
        for (inputs, outputs), (size, target) in zip(
            pairwise(widths), pairwise(sizes), strict=True
        ):
            blocks = self.level(inputs, outputs, Upsampling(self.upsampling, size, target))
            if target == attended:
                blocks.append(SelfAttention(outputs))
            levels.append(nn.Sequential(*blocks))
        if self.skip_excitation:
            levels = [ExcitedLevels(levels, widths)]
        head: list[nn.Module] = [nn.Conv2d(self.width, images.channels, 3, padding=1)]
        if self.residual:
            head = [*self.after(self.width), *head]
        network = nn.Sequential(*stem, *levels, *head, *make_output(self.output, self.slope))
        return start_at_shortcuts(self.initialise(network))
