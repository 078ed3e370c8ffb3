from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field
from torch import nn

from gansearch.builtin.discriminators.matched import Matched
from gansearch.components import ImageShape
from gansearch.domains import Choices, FloatRange, IntRange
from gansearch.layers import (
    Activation,
    Downsampling,
    DownsamplingMethod,
    Initialisation,
    Initialised,
    MinibatchStd,
    Norm,
    Packed,
    SelfAttention,
    SpectrallyNormalised,
    Stacked,
    ToVector,
    make_activation,
    start_at_shortcuts,
)


class BlockDiscriminator(Matched, Stacked, Initialised, SpectrallyNormalised, Packed):
    """A convolution, levels of convolutional blocks that halve the map, and one dense score.

    The mirror image of the generator `blocks`. `residual: true, downsampling: average,
    spectral_norm: true` is the discriminator of SNGAN but for its sum over pixels, and
    `residual: true, convolution: inverted-bottleneck` that of R3GAN.
    """

    width: Annotated[int, Field(ge=1), IntRange(4, 64, log=True)] = 32
    """Channels of the map that is as large as the image."""
    growth: Annotated[float, Field(gt=0), FloatRange(1.0, 2.0)] = 2.0
    """Channels of each smaller map as a multiple of those of the next larger one."""
    levels: Annotated[int, Field(ge=1, le=6), IntRange(2, 4)] = 2
    """Number of levels, each of which halves height and width, rounded up."""
    downsampling: Annotated[DownsamplingMethod, Choices("stride", "average", "blur")] = "stride"
    """Way to halve a map.

    A convolution of stride 2; or after the convolution an `average` of 2x2 pixels, or a `blur`
    before every second pixel is taken (Zhang 2019).
    """
    minibatch_std: Annotated[bool, Choices(False, True)] = False
    """Show the last layer how much the samples of a batch differ (Karras et al. 2018)."""
    norm: Annotated[Norm, Choices("batch", "instance", "group", "pixel", "none")] = "none"
    """Norm of each block.

    BatchNorm, InstanceNorm, GroupNorm of up to eight groups, or for `pixel` a mean square of 1 for
    the channels of each pixel (Karras et al. 2018).
    """
    activation: Annotated[Activation, Choices("relu", "leaky_relu")] = "leaky_relu"
    """Activation of each block."""
    init: Initialisation = "kaiming"
    """Distribution of the initial weights."""
    init_std: Annotated[float, Field(gt=0)] = 0.02
    """Standard deviation of `init: normal`; the other distributions ignore it."""

    def build(self, images: ImageShape) -> nn.Module:
        """Build the network.

        Raises:
            ValueError: when levels, norm or attention do not fit the size of the images.
        """
        sizes, widths = self.sizes(images), self.widths()
        attended = self.attends(sizes)
        channels = self.packed(images).channels
        blocks = [*self.pack(), nn.Conv2d(channels, self.width, self.kernel, padding="same")]
        if not self.residual:
            blocks.append(make_activation(self.activation, self.slope))
        if sizes[0] == attended:
            blocks.append(SelfAttention(self.width))
        for (inputs, outputs), size in zip(pairwise(widths), sizes[1:], strict=True):
            blocks += self.level(inputs, outputs, Downsampling(self.downsampling))
            if size == attended:
                blocks.append(SelfAttention(outputs))
        if self.residual:
            blocks += self.after(widths[-1])
        if self.minibatch_std:
            blocks.append(MinibatchStd())
        features = (widths[-1] + self.minibatch_std) * sizes[-1][0] * sizes[-1][1]
        blocks += [ToVector(), nn.Linear(features, 1), nn.Flatten(0)]
        network = self.initialise(nn.Sequential(*blocks))
        if not self.spectral_norm:  # weights of zero have no largest singular value
            network = start_at_shortcuts(network)
        return self.bound(network)
