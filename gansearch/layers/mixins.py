"""Mixins that give a component fields and the method that applies them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gansearch.components import ImageShape
from gansearch.domains import Choices, FloatRange
from gansearch.layers.modules import Activation, Maxout, Norm, Pack, make_activation, make_norm


class Block(BaseModel):
    """Base of the mixins, whose fields take their descriptions from the docstrings under them."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Initialised(Block):
    """Fields of the initialisation of weights; biases start at zero, norms at one."""

    init: Annotated[
        Literal["normal", "xavier", "orthogonal", "default"],
        Choices("normal", "xavier", "orthogonal"),
    ] = "normal"
    """Distribution of the initial weights.

    `normal` is N(0, `init_std`), `xavier` is Glorot's uniform one (Glorot & Bengio 2010),
    `orthogonal` that of Saxe et al. 2014; `default` keeps the initialisation of torch.
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
        for layer in network.modules():
            if self.init in draw and isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                if layer.weight.is_meta:
                    continue  # no values to draw, and drawing there makes torch load its compiler
                draw[self.init](layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        return network


class Normalised(Block):
    """Fields of the norm and the activation after the hidden layers."""

    norm: Annotated[Norm, Choices("batch", "none")] = "batch"
    """Norm after each hidden layer: BatchNorm or none."""
    norm_momentum: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Weight of the newest batch in the running statistics of BatchNorm.

    Keras calls 1 minus this value `momentum`.
    """
    norm_epsilon: Annotated[float, Field(gt=0)] = 1e-5
    """Constant that BatchNorm adds to the variance."""
    activation: Annotated[Activation, Choices("relu", "leaky_relu")] = "relu"
    """Activation after each hidden layer."""
    slope: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Slope of LeakyReLU below zero."""
    order: Literal["norm-activation", "activation-norm"] = "norm-activation"
    """Order of norm and activation."""

    def after(self, width: int, *, flat: bool = False, pieces: int = 1) -> list[nn.Module]:
        """Make the norm and the activation that follow a hidden layer.

        Args:
            width: units or channels behind the activation.
            flat: True for a layer that returns (N, width), False for (N, width, H, W).
            pieces: units of the layer per unit behind the activation, which is Maxout above 1.
        """
        norm_first = self.order == "norm-activation"
        normed = width * pieces if norm_first else width
        norm = make_norm(self.norm, normed, self.norm_momentum, self.norm_epsilon, flat=flat)
        activation = [make_activation(self.activation, self.slope)]
        if pieces > 1:
            activation = [Maxout(pieces)]
        return norm + activation if norm_first else activation + norm

    @property
    def needs_bias(self) -> bool:
        """True unless a norm directly after the layer removes its bias again."""
        return self.norm == "none" or self.order == "activation-norm"


class SpectrallyNormalised(Block):
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


class Packed(Block):
    """Field of packing (PacGAN, Lin et al. 2018, arXiv:1712.04086).

    A discriminator that scores several samples together sees sooner that a generator has few modes
    than one that scores them one by one.
    """

    packing: Annotated[int, Field(ge=1), Choices(1, 2, 4)] = 1
    """Samples per score; a remainder of the batch is left out.

    Gradient penalties still apply per sample, to its own part of the gradient of the score.
    """

    def pack(self) -> list[nn.Module]:
        """Make the first layer of the network: no module without packing."""
        return [Pack(self.packing)] if self.packing > 1 else []

    def packed(self, images: ImageShape) -> ImageShape:
        """Return the shape of a pack of samples."""
        return images._replace(channels=images.channels * self.packing)
