from __future__ import annotations

import itertools
import math
from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from gansearch.components import Generator, ImageShape
from gansearch.domains import Choices, FloatRange, IntRange
from gansearch.layers import (
    Initialised,
    Normalised,
    Output,
    Size,
    ToMap,
    halved,
    make_output,
    upsample,
)


class UpConv(Generator, Initialised, Normalised):
    """Optional dense stem, transposed convolutions of equal width, then a last convolution.

    With its defaults and `norm: none, activation: leaky_relu` this is the generator of the face GAN
    tutorial (machinelearningmastery.com, "a practical guide to GAN failure modes"). Fewer `layers`
    reach the same size by larger strides.
    """

    latent: Annotated[int, Field(ge=1), Choices(16, 32, 64, 100)] = 100
    """Number of values in one latent."""
    width: Annotated[int, Field(ge=1), IntRange(8, 128, step=8)] = 128
    """Filters of the first transposed convolution, and of the stem unless `stem_width` is set."""
    growth: Annotated[float, Field(gt=0), FloatRange(0.5, 1.0)] = 1.0
    """Filters of each transposed convolution as a multiple of the one before."""
    layers: Annotated[int, Field(ge=1, le=6), IntRange(1, 4)] = 4
    """Number of transposed convolutions."""
    stem: Literal["linear", "reshape"] = "linear"
    """Projection of the latent to the first map: a dense layer, or a reshape without weights."""
    stem_width: Annotated[int, Field(ge=1)] | None = None
    """Filters of the first map; null for `width`."""
    kernel: Annotated[int, Field(ge=1, le=11), Choices(2, 3, 4, 5)] = 4
    """Side of the transposed convolutions' kernels."""
    head_kernel: Annotated[Literal[1, 3, 5, 7], Choices(1, 3, 5)] = 5
    """Side of the last convolution's kernel."""
    output: Output = "tanh"
    """Activation of the output."""

    def build(self, images: ImageShape) -> nn.Module:
        """Build the network.

        Raises:
            ValueError: with `stem: reshape`, when the latent does not fill a map.
        """
        sizes = self._sizes(images)
        widths = [max(1, round(self.width * self.growth**i)) for i in range(self.layers)]
        stem_width = self.stem_width or self.width
        blocks: list[nn.Module] = self._stem(stem_width, sizes[0])
        for inputs, outputs, size, target in zip(
            [stem_width, *widths], widths, sizes, sizes[1:], strict=False
        ):
            blocks += [upsample(inputs, outputs, self.kernel, size, target, bias=self.needs_bias)]
            blocks += self.after(outputs)
        blocks += [nn.Conv2d(widths[-1], images.channels, self.head_kernel, padding="same")]
        return self.initialise(nn.Sequential(*blocks, *make_output(self.output, self.slope)))

    def _sizes(self, images: ImageShape) -> list[Size]:
        """Return the size of the map before and after each layer, the larger strides first."""
        # The first map is at least 4 x 4 and grows at most 16-fold (tutorial: 5 x 5 to 80 x 80).
        doublings = max(0, min(4, int(math.log2(min(images.height, images.width) / 4))))
        strides = [
            doublings // self.layers + (i < doublings % self.layers) for i in range(self.layers)
        ]
        done = itertools.accumulate(strides, initial=0)
        return [halved((images.height, images.width), doublings - so_far) for so_far in done]

    def _stem(self, width: int, size: Size) -> list[nn.Module]:
        """Make the layers from the latent to the first map."""
        features = width * size[0] * size[1]
        if self.stem == "linear":
            bias = self.needs_bias
            return [
                nn.Linear(self.latent, features, bias=bias),
                ToMap(width, size),
                *self.after(width),
            ]
        if features != self.latent:
            raise ValueError(
                f"stem 'reshape' needs a latent of {width} x {size[0]} x {size[1]}, "
                f"got {self.latent}"
            )
        return [ToMap(width, size)]
