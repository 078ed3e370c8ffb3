from __future__ import annotations

import itertools
from typing import Annotated

from pydantic import Field
from torch import nn

from gansearch.components import Generator, ImageShape
from gansearch.domains import Choices, FloatRange, IntRange
from gansearch.layers import Initialised, Normalised, Output, make_output


class DenseGenerator(Generator, Initialised, Normalised):
    """Fully connected generator; each layer is `growth` times as wide as the one before."""

    latent: Annotated[int, Field(ge=1), Choices(2, 16, 32, 64, 100)] = 100
    """Number of values in one latent."""
    width: Annotated[int, Field(ge=1), IntRange(16, 512, log=True)] = 256
    """Units of the first hidden layer."""
    growth: Annotated[float, Field(gt=0), FloatRange(0.5, 2.0)] = 2.0
    """Units of each hidden layer as a multiple of the one before."""
    layers: Annotated[int, Field(ge=1, le=8), IntRange(1, 4)] = 3
    """Number of hidden layers."""
    output: Output = "tanh"
    """Activation of the output; `none` for points."""

    def build(self, images: ImageShape) -> nn.Module:
        widths = [
            self.latent,
            *(max(1, round(self.width * self.growth**i)) for i in range(self.layers)),
        ]
        blocks: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            blocks += [
                nn.Linear(inputs, outputs, bias=self.needs_bias),
                *self.after(outputs, flat=True),
            ]
        blocks += [nn.Linear(widths[-1], images.numel), *make_output(self.output, self.slope)]
        return self.initialise(nn.Sequential(*blocks, nn.Unflatten(1, tuple(images))))
