"""What the built-in networks are put together from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gansearch.components import ImageShape
from gansearch.domains import Choices, FloatRange

Norm = Literal["batch", "none"]
Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu"]
Output = Literal["tanh", "sigmoid", "leaky_relu", "none"]


class Initialised(BaseModel):
    """Fields of a network whose weights are drawn by a scheme; biases start at zero, norms at one."""

    init: Annotated[
        Literal["normal", "xavier", "orthogonal", "default"],
        Choices("normal", "xavier", "orthogonal"),
    ] = "normal"
    """`default` leaves what torch does."""
    init_std: Annotated[float, Field(gt=0), FloatRange(0.005, 0.3, log=True)] = 0.02
    """Of `normal` alone: `xavier` and `orthogonal` have a scale of their own."""

    def initialise(self, network: nn.Module) -> nn.Module:
        """Draw the weights of every convolution and dense layer."""
        draw: dict[str, Callable[[Tensor], object]] = {
            "normal": lambda weight: nn.init.normal_(weight, 0.0, self.init_std),
            "xavier": nn.init.xavier_uniform_,
            "orthogonal": nn.init.orthogonal_,
        }
        for layer in network.modules():
            if self.init in draw and isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                if layer.weight.is_meta:
                    continue  # nothing to draw; and drawing there makes torch load its whole compiler
                draw[self.init](layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        return network


class Normalised(BaseModel):
    """Fields of a network with a norm and an activation after its hidden layers."""

    norm: Annotated[Norm, Choices("batch", "none")] = "batch"
    norm_momentum: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Weight of the newest batch in BatchNorm's running statistics: 1 less the decay of other libraries."""
    norm_epsilon: Annotated[float, Field(gt=0)] = 1e-5
    activation: Annotated[Activation, Choices("relu", "leaky_relu")] = "relu"
    slope: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Of LeakyReLU below zero."""
    order: Literal["norm-activation", "activation-norm"] = "norm-activation"

    def after(self, width: int, *, flat: bool = False, pieces: int = 1) -> list[nn.Module]:
        """What follows a hidden layer of this width; `flat` for (N, width), else (N, width, H, W).

        With several pieces the layer has that many times `width` units, and their maximum is the activation.
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
        """Whether a layer's bias does anything: a norm right behind it takes it away again."""
        return self.norm == "none" or self.order == "activation-norm"


def make_activation(name: Activation, slope: float) -> nn.Module:
    """An activation of its own, in place, since nothing else reads its input."""
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
    """The largest of so many pieces (Goodfellow et al. 2013): (N, pieces * width) becomes (N, width)."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, units: Tensor) -> Tensor:
        # The pieces of a unit lie `width` apart: a maximum of whole rows is faster than one of neighbours.
        return units.view(len(units), self.pieces, -1).amax(1)


def make_output(name: Output, slope: float) -> list[nn.Module]:
    """What bounds the generated values, if anything does."""
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
    """The norm of a hidden layer, or nothing."""
    match name:
        case "batch" if flat:
            return [nn.BatchNorm1d(width, eps=epsilon, momentum=momentum)]
        case "batch":
            return [nn.BatchNorm2d(width, eps=epsilon, momentum=momentum)]
        case "none":
            return []


class SpectrallyNormalised(BaseModel):
    """A field that bounds the largest singular value of every weight (Miyato et al. 2018)."""

    spectral_norm: Annotated[bool, Choices(False, True)] = False

    def bound(self, network: nn.Module) -> nn.Module:
        """Wrap the weights where the field says so."""
        if self.spectral_norm:
            for layer in network.modules():
                if isinstance(layer, (nn.Linear, nn.Conv2d)):
                    spectral_norm(layer)
        return network


class Packed(BaseModel):
    """A field that has several samples judged together (PacGAN, Lin et al. 2018, arXiv:1712.04086).

    Samples that are too much alike give themselves away side by side, so that a generator of few
    modes is told apart from the data sooner than sample by sample.
    """

    packing: Annotated[int, Field(ge=1), Choices(1, 2, 4)] = 1
    """Samples a score; a batch should hold a multiple of it, for a remainder is left out.

    Gradient penalties stay a matter of the sample: they hold its own part of the score's gradient.
    """

    def pack(self) -> list[nn.Module]:
        """What the network begins with."""
        return [Pack(self.packing)] if self.packing > 1 else []

    def packed(self, images: ImageShape) -> ImageShape:
        """The shape of a pack."""
        return images._replace(channels=images.channels * self.packing)


class Pack(nn.Module):
    """Lays every `packing` samples on each other, channel by channel: (N, C, H, W) becomes (N // m, m * C, H, W).

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
                f"packing {self.packing} needs as many samples at a time, got {len(samples)}"
            )
        return samples[: packs * self.packing].reshape(packs, -1, *samples.shape[2:])


Size = tuple[int, int]
"""Height and width of a map."""


def halved(size: Size, times: int) -> Size:
    """A map's size after so many layers of stride 2, rounded up so that it never vanishes."""
    return math.ceil(size[0] / 2**times), math.ceil(size[1] / 2**times)


class ToMap(nn.Module):
    """Turns vectors (N, H * W * width) into maps (N, width, H, W), a pixel's values side by side.

    That is the order of Keras, and the layout in which convolutions run fastest: nothing is copied,
    there or in the backward pass. An activation whose gradient comes in another layout takes 15
    times as long.
    """

    def __init__(self, width: int, size: Size) -> None:
        super().__init__()
        self.width, self.size = width, size

    def forward(self, vectors: Tensor) -> Tensor:
        return vectors.view(-1, *self.size, self.width).permute(0, 3, 1, 2)


class ToVector(nn.Module):
    """The way back: maps (N, width, H, W) into vectors (N, H * W * width), in the same order."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.permute(0, 2, 3, 1).flatten(1)


def upsample(
    inputs: int, outputs: int, kernel: int, size: Size, target: Size, *, bias: bool = True
) -> nn.ConvTranspose2d:
    """A transposed convolution from a map of one size to one of another, at most a whole stride larger."""
    tall, wide = (math.ceil(t / s) for s, t in zip(size, target, strict=True))
    # A kernel narrower than the stride would leave holes between the patches that it paints.
    rows = _padding(size[0], target[0], tall, max(kernel, tall, wide))
    columns = _padding(size[1], target[1], wide, max(kernel, tall, wide))
    (kernels, paddings, extras) = zip(rows, columns, strict=True)
    return nn.ConvTranspose2d(inputs, outputs, kernels, (tall, wide), paddings, extras, bias=bias)


def _padding(size: int, target: int, stride: int, kernel: int) -> tuple[int, int, int]:
    """Kernel, padding and output padding that solve target = (size - 1) * stride - 2 * padding + kernel + extra."""
    surplus = (size - 1) * stride + kernel - target
    extra = surplus % 2
    if extra and stride == 1:
        # Output padding must stay below the stride; the next narrower kernel is centred by itself.
        kernel, surplus, extra = kernel - 1, surplus - 1, 0
    return kernel, (surplus + extra) // 2, extra
