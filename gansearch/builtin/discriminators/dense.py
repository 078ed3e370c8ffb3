from __future__ import annotations

import itertools
from typing import Annotated

from pydantic import Field
from torch import nn

from gansearch.builtin.discriminators.matched import Matched
from gansearch.components import ImageShape
from gansearch.domains import Choices, FloatRange, IntRange
from gansearch.layers import Activation, Initialised, Norm, Normalised, Packed, SpectrallyNormalised


class DenseDiscriminator(Matched, Initialised, Normalised, SpectrallyNormalised, Packed):
    """Fully connected discriminator; each layer is `growth` times as wide as the one before."""

    width: Annotated[int, Field(ge=1), IntRange(16, 1024, log=True)] = 1024
    """Units of the first hidden layer."""
    growth: Annotated[float, Field(gt=0), FloatRange(0.5, 1.0)] = 0.5
    """Units of each hidden layer as a multiple of the one before."""
    layers: Annotated[int, Field(ge=1, le=8), IntRange(1, 4)] = 3
    """Number of hidden layers."""
    norm: Annotated[Norm, Choices("batch", "none")] = "none"
    """Norm after each hidden layer."""
    activation: Annotated[Activation, Choices("relu", "leaky_relu")] = "leaky_relu"
    """Activation after each hidden layer."""
    maxout: Annotated[int, Field(ge=1)] = 1
    """Pieces of a Maxout unit (Goodfellow et al. 2013), instead of the activation; 1 for none."""
    dropout: Annotated[float, Field(ge=0, lt=1), FloatRange(0.0, 0.5)] = 0.0
    """Dropout rate after every hidden layer."""

    def build(self, images: ImageShape) -> nn.Module:
        hidden = [max(1, round(self.width * self.growth**i)) for i in range(self.layers)]
        widths = [self.packed(images).numel, *hidden]
        blocks: list[nn.Module] = [*self.pack(), nn.Flatten()]
        for inputs, outputs in itertools.pairwise(widths):
            blocks += [nn.Linear(inputs, outputs * self.maxout, bias=self.needs_bias)]
            blocks += self.after(outputs, flat=True, pieces=self.maxout)
            blocks += [nn.Dropout(self.dropout)] if self.dropout else []
        blocks += [nn.Linear(widths[-1], 1), nn.Flatten(0)]
        return self.bound(self.initialise(nn.Sequential(*blocks)))
