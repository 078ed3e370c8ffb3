"""Activations."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu"]
Output = Literal["tanh", "sigmoid", "leaky_relu", "none"]


def make_activation(name: Activation, slope: float, *, inplace: bool = True) -> nn.Module:
    """Make an activation; it works in place unless something else reads its input."""
    match name:
        case "relu":
            return nn.ReLU(inplace)
        case "leaky_relu":
            return nn.LeakyReLU(slope, inplace)
        case "elu":
            return nn.ELU(inplace=inplace)
        case "gelu":
            return nn.GELU()
        case "silu":
            return nn.SiLU(inplace)


class Maxout(nn.Module):
    """Maximum over pieces (Goodfellow et al. 2013): (N, pieces * width) to (N, width).

    >>> import torch
    >>> Maxout(3)(torch.tensor([[1.0, 5.0, 3.0, 2.0, -1.0, 9.0]]))
    tensor([[3., 9.]])
    """

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, units: Tensor) -> Tensor:
        # The pieces of a unit lie `width` apart: faster than a maximum over neighbours.
        return torch.unflatten(units, 1, (self.pieces, -1)).amax(1)


def make_output(name: Output, slope: float) -> list[nn.Module]:
    """Make the output activation of a generator: no module for `none`."""
    match name:
        case "tanh":
            return [nn.Tanh()]
        case "sigmoid":
            return [nn.Sigmoid()]
        case "leaky_relu":
            return [nn.LeakyReLU(slope)]
        case "none":
            return []
