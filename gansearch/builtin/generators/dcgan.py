from __future__ import annotations

import itertools
from typing import Annotated

from pydantic import Field
from torch import nn

from gansearch.components import Generator, ImageShape
from gansearch.domains import Choices, IntRange
from gansearch.layers import Initialised, Normalised, Output, ToMap, halved, make_output, upsample


class DCGANGenerator(Generator, Initialised, Normalised):
    """DCGAN generator (Radford et al. 2016): each level doubles the map and halves the filters."""

    latent: Annotated[int, Field(ge=1), Choices(8, 16, 32, 64, 100)] = 100
    """Number of values in one latent."""
    width: Annotated[int, Field(ge=1), IntRange(2, 64, log=True)] = 64
    """Filters of the last hidden level; each level before has twice as many as the next."""
    levels: Annotated[int, Field(ge=2, le=5), IntRange(2, 4)] = 4
    """Number of levels, each of which doubles height and width."""
    kernel: Annotated[int, Field(ge=2, le=9), Choices(3, 4, 5)] = 4
    """Side of the kernels."""
    output: Output = "tanh"
    """Activation of the output; `none` for points."""

    def build(self, images: ImageShape) -> nn.Module:
        """Build the network for images of any size; a map of odd size is halved rounding up."""
        sizes = [
            halved((images.height, images.width), self.levels - i) for i in range(self.levels + 1)
        ]
        widths = [self.width * 2**i for i in reversed(range(self.levels))]
        stem = nn.Linear(self.latent, widths[0] * sizes[0][0] * sizes[0][1], bias=self.needs_bias)
        blocks: list[nn.Module] = [stem, ToMap(widths[0], sizes[0]), *self.after(widths[0])]
        for (inputs, outputs), (size, target) in zip(
            itertools.pairwise(widths), itertools.pairwise(sizes), strict=False
        ):
            blocks += [upsample(inputs, outputs, self.kernel, size, target, bias=self.needs_bias)]
            blocks += self.after(outputs)
        blocks += [upsample(self.width, images.channels, self.kernel, sizes[-2], sizes[-1])]
        return self.initialise(nn.Sequential(*blocks, *make_output(self.output, self.slope)))
