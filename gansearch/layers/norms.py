"""Norms of hidden layers."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from gansearch.domains import Choices
from gansearch.layers.activations import Activation, Maxout, make_activation
from gansearch.layers.mixin import Mixin

Norm = Literal["batch", "instance", "group", "pixel", "none"]
GROUPS = 8
"""Largest number of groups of a GroupNorm."""


class Normalised(Mixin):
    """Fields of the norm and the activation after the hidden layers."""

    norm: Annotated[Norm, Choices("batch", "none")] = "batch"
    """Norm after each hidden layer.

    `batch` and `instance` are BatchNorm and InstanceNorm; `group` is GroupNorm of up to eight
    groups; `pixel` scales the channels of each pixel to a mean square of 1 (Karras et al. 2018).
    """
    norm_momentum: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Weight of the newest batch in the running statistics of BatchNorm.

    Keras calls 1 minus this value `momentum`.
    """
    norm_epsilon: Annotated[float, Field(gt=0)] = 1e-5
    """Constant that the norm adds to the variance."""
    activation: Annotated[Activation, Choices("relu", "leaky_relu")] = "relu"
    """Activation after each hidden layer."""
    slope: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Slope of LeakyReLU below zero."""
    order: Literal["norm-activation", "activation-norm"] = "norm-activation"
    """Order of norm and activation."""

    def after(
        self, width: int, *, flat: bool = False, pieces: int = 1, inplace: bool = True
    ) -> list[nn.Module]:
        """Make the norm and the activation that follow a hidden layer.

        Args:
            width: units or channels behind the activation.
            flat: True for a layer that returns (N, width), False for (N, width, H, W).
            pieces: units of the layer per unit behind the activation, which is Maxout above 1.
            inplace: False where something else reads the output of the hidden layer.
        """
        norm_first = self.order == "norm-activation"
        normed = width * pieces if norm_first else width
        norm = make_norm(self.norm, normed, self.norm_momentum, self.norm_epsilon, flat=flat)
        activation = (
            Maxout(pieces)
            if pieces > 1
            else make_activation(self.activation, self.slope, inplace=inplace)
        )
        return [*norm, activation] if norm_first else [activation, *norm]

    @property
    def needs_bias(self) -> bool:
        """True unless a norm directly after the layer removes its bias again."""
        return self.norm not in ("batch", "instance") or self.order == "activation-norm"


def make_norm(
    name: Norm, width: int, momentum: float, epsilon: float, *, flat: bool
) -> list[nn.Module]:
    """Make the norm of a hidden layer of this width: no module for `none`.

    Raises:
        ValueError: for an InstanceNorm of vectors, which would leave nothing of them.
    """
    match name:
        case "batch" if flat:
            return [nn.BatchNorm1d(width, eps=epsilon, momentum=momentum)]
        case "batch":
            return [nn.BatchNorm2d(width, eps=epsilon, momentum=momentum)]
        case "instance" if flat:
            raise ValueError("norm 'instance' needs maps; choose another norm for dense layers")
        case "instance":
            return [nn.InstanceNorm2d(width, eps=epsilon, affine=True)]
        case "group":
            return [nn.GroupNorm(math.gcd(width, GROUPS), width, eps=epsilon)]
        case "pixel":
            return [PixelNorm(epsilon)]
        case "none":
            return []


class PixelNorm(nn.Module):
    """Scale the channels of each pixel to a mean square of 1 (Karras et al. 2018): (N, C, ...).

    >>> PixelNorm(0.0)(torch.tensor([[3.0, 4.0]])).square().mean()
    tensor(1.)
    """

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, maps: Tensor) -> Tensor:
        return maps * torch.rsqrt(maps.square().mean(1, keepdim=True) + self.epsilon)
