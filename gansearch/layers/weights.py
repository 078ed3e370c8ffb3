"""Weights: their initialisation and their spectral norm."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gansearch.domains import Choices, FloatRange
from gansearch.layers.mixin import Mixin

Layer = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
"""Layer whose weights are drawn."""
Initialisation = Literal["normal", "xavier", "orthogonal", "kaiming", "default"]
RECTIFIERS = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU)


class Initialised(Mixin):
    """Fields of the initialisation of weights; biases start at zero, norms at one."""

    init: Annotated[Initialisation, Choices("normal", "xavier", "orthogonal")] = "normal"
    """Distribution of the initial weights.

    `normal` is N(0, `init_std`), `xavier` is Glorot's uniform one (Glorot & Bengio 2010),
    `orthogonal` that of Saxe et al. 2014. `kaiming` keeps the variance from layer to layer, with or
    without a norm (He et al. 2015). `default` keeps the initialisation of torch.
    """
    init_std: Annotated[float, Field(gt=0), FloatRange(0.005, 0.3, log=True)] = 0.02
    """Standard deviation of `init: normal`; the other distributions ignore it."""

    def initialise(self, network: nn.Module) -> nn.Module:
        """Draw the weights of every convolution and dense layer; return the network."""
        draw: dict[str, Callable[[Tensor], object]] = {
            "normal": lambda weight: nn.init.normal_(weight, 0.0, self.init_std),
            "xavier": nn.init.xavier_uniform_,
            "orthogonal": nn.init.orthogonal_,
        }
        rectified = False  # True where an activation comes before the layer
        for layer in network.modules():
            rectified = rectified or isinstance(layer, RECTIFIERS)
            if self.init == "default" or not isinstance(layer, Layer):
                continue
            if layer.weight.is_meta:
                continue  # no values to draw, and drawing there makes torch load its compiler
            if self.init == "kaiming":
                nn.init.normal_(layer.weight, 0.0, kaiming_std(layer, rectified=rectified))
            else:
                draw[self.init](layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            rectified = False
        return network


def kaiming_std(layer: Layer, *, rectified: bool) -> float:
    """Return the standard deviation of weights that keeps the variance (He et al. 2015, eq. 10).

    Args:
        layer: the layer.
        rectified: True where its inputs come from an activation, which halves their mean square.

    >>> kaiming_std(nn.Linear(8, 2), rectified=True)
    0.5
    """
    if isinstance(layer, nn.Linear):
        terms = float(layer.in_features)
    else:
        terms = layer.in_channels / layer.groups * math.prod(layer.kernel_size)
        if isinstance(layer, nn.ConvTranspose2d):
            terms /= math.prod(layer.stride)
    return math.sqrt((2 if rectified else 1) / terms)


class SpectrallyNormalised(Mixin):
    """Field of spectral normalisation (Miyato et al. 2018)."""

    spectral_norm: Annotated[bool, Choices(False, True)] = False
    """Divide every weight by its largest singular value (Miyato et al. 2018)."""

    def bound(self, network: nn.Module) -> nn.Module:
        """Normalise the weights of a network if `spectral_norm` is set; return the network."""
        if self.spectral_norm:
            for layer in network.modules():
                if isinstance(layer, (nn.Linear, nn.Conv2d)):
                    spectral_norm(layer)
        return network
