"""Building blocks of networks, for built-in components and plugins alike.

The mixins (`Initialised`, `Normalised`, `SpectrallyNormalised`, `Packed`) give a component fields
and the method that applies them; the modules and functions are plain torch.

    class Plain(Generator, Initialised, Normalised):
        def build(self, images: ImageShape) -> nn.Module:
            hidden = [nn.Linear(self.latent, 64, bias=self.needs_bias), *self.after(64, flat=True)]
            output = [nn.Linear(64, images.numel), nn.Tanh(), nn.Unflatten(1, tuple(images))]
            return self.initialise(nn.Sequential(*hidden, *output))
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from gansearch.components import ImageShape
from gansearch.domains import Choices, FloatRange

Norm = Literal["batch", "none"]
Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu"]
Output = Literal["tanh", "sigmoid", "leaky_relu", "none"]


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
        activation = [
            Maxout(pieces) if pieces > 1 else make_activation(self.activation, self.slope)
        ]
        return norm + activation if norm_first else activation + norm

    @property
    def needs_bias(self) -> bool:
        """True unless a norm directly after the layer removes its bias again."""
        return self.norm == "none" or self.order == "activation-norm"


def make_activation(name: Activation, slope: float) -> nn.Module:
    """Make an activation; it works in place, since nothing else reads its input."""
    match name:
        case "relu":
            return nn.ReLU(inplace=True)
        case "leaky_relu":
            return nn.LeakyReLU(slope, inplace=True)
        case "elu":
            return nn.ELU(inplace=True)
        case "gelu":
            return nn.GELU()
        case "silu":
            return nn.SiLU(inplace=True)


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
        return units.view(len(units), self.pieces, -1).amax(1)


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


def make_norm(
    name: Norm, width: int, momentum: float, epsilon: float, *, flat: bool
) -> list[nn.Module]:
    """Make the norm of a hidden layer of this width: no module for `none`."""
    match name:
        case "batch" if flat:
            return [nn.BatchNorm1d(width, eps=epsilon, momentum=momentum)]
        case "batch":
            return [nn.BatchNorm2d(width, eps=epsilon, momentum=momentum)]
        case "none":
            return []


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


class Pack(nn.Module):
    """Stack every m = `packing` samples by channel: (N, C, H, W) to (N // m, m * C, H, W).

    Raises:
        ValueError: when there are too few samples for one pack.
    """

    def __init__(self, packing: int) -> None:
        super().__init__()
        self.packing = packing

    def forward(self, samples: Tensor) -> Tensor:
        packs = len(samples) // self.packing
        if not packs:
            raise ValueError(
                f"packing {self.packing} needs at least {self.packing} samples, got {len(samples)}"
            )
        return samples[: packs * self.packing].reshape(packs, -1, *samples.shape[2:])


Size = tuple[int, int]
"""Height and width of a feature map."""


def halved(size: Size, times: int) -> Size:
    """Return the size of a map after so many layers of stride 2, rounded up.

    >>> halved((28, 28), 3)
    (4, 4)
    """
    return math.ceil(size[0] / 2**times), math.ceil(size[1] / 2**times)


class ToMap(nn.Module):
    """Reshape vectors (N, H * W * width) to maps (N, width, H, W) in channels-last layout.

    That is the order of Keras and the layout in which convolutions run fastest: nothing is copied,
    neither here nor in the backward pass. An activation whose gradient comes in another layout
    takes 15 times as long.
    """

    def __init__(self, width: int, size: Size) -> None:
        super().__init__()
        self.width, self.size = width, size

    def forward(self, vectors: Tensor) -> Tensor:
        return vectors.view(-1, *self.size, self.width).permute(0, 3, 1, 2)


class ToVector(nn.Module):
    """Reshape maps (N, width, H, W) to vectors (N, H * W * width), in the order of `ToMap`."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.permute(0, 2, 3, 1).flatten(1)


def upsample(
    inputs: int, outputs: int, kernel: int, size: Size, target: Size, *, bias: bool = True
) -> nn.ConvTranspose2d:
    """Make a transposed convolution from a map of one size to a larger one.

    Args:
        inputs: channels of the smaller map.
        outputs: channels of the larger map.
        kernel: side of the kernel; it is enlarged to the stride where that is larger.
        size: height and width of the smaller map.
        target: height and width of the larger map; the strides follow from it.
        bias: False where a norm follows.
    """
    tall, wide = (math.ceil(t / s) for s, t in zip(size, target, strict=True))
    # A kernel narrower than the stride would leave gaps in the larger map.
    rows = _padding(size[0], target[0], tall, max(kernel, tall, wide))
    columns = _padding(size[1], target[1], wide, max(kernel, tall, wide))
    (kernels, paddings, extras) = zip(rows, columns, strict=True)
    return nn.ConvTranspose2d(inputs, outputs, kernels, (tall, wide), paddings, extras, bias=bias)


def _padding(size: int, target: int, stride: int, kernel: int) -> tuple[int, int, int]:
    """Return kernel, padding and output padding along one side.

    They solve target = (size - 1) * stride - 2 * padding + kernel + output_padding.
    """
    surplus = (size - 1) * stride + kernel - target
    extra = surplus % 2
    if extra and stride == 1:
        # Output padding must be less than the stride; a kernel smaller by 1 needs none.
        kernel, surplus, extra = kernel - 1, surplus - 1, 0
    return kernel, (surplus + extra) // 2, extra


class Resize(nn.Module):
    """Scale images (N, C, H, W) bicubically, without aliases of what is too fine for the size."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.size = height, width

    def forward(self, x_NCHW: Tensor) -> Tensor:
        if tuple(x_NCHW.shape[2:]) == self.size:
            return x_NCHW
        return functional.interpolate(
            x_NCHW, self.size, mode="bicubic", align_corners=False, antialias=True
        )
