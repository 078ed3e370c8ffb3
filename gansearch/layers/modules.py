"""Modules of networks, and functions that make them."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

Norm = Literal["batch", "none"]
Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu"]
Output = Literal["tanh", "sigmoid", "leaky_relu", "none"]


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
    """Scale images (N, C, H, W) bicubically, with antialiasing."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.size = height, width

    def forward(self, x_NCHW: Tensor) -> Tensor:
        if tuple(x_NCHW.shape[2:]) == self.size:
            return x_NCHW
        return functional.interpolate(
            x_NCHW, self.size, mode="bicubic", align_corners=False, antialias=True
        )
