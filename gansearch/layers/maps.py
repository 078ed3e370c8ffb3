"""Maps of channels: their sizes, and the ways from vectors to maps and back."""

from __future__ import annotations

import math

from torch import Tensor, nn

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
    inputs: int,
    outputs: int,
    kernel: int,
    size: Size,
    target: Size,
    *,
    groups: int = 1,
    bias: bool = True,
) -> nn.ConvTranspose2d:
    """Make a transposed convolution from a map of one size to a larger one.

    Args:
        inputs: channels of the smaller map.
        outputs: channels of the larger map.
        kernel: side of the kernel; it is enlarged to the stride where that is larger.
        size: height and width of the smaller map.
        target: height and width of the larger map; the strides follow from it.
        groups: groups of channels that do not mix.
        bias: False where a norm follows.
    """
    tall, wide = (math.ceil(t / s) for s, t in zip(size, target, strict=True))
    # A kernel narrower than the stride would leave gaps in the larger map.
    rows = _padding(size[0], target[0], tall, max(kernel, tall, wide))
    columns = _padding(size[1], target[1], wide, max(kernel, tall, wide))
    (kernels, paddings, extras) = zip(rows, columns, strict=True)
    return nn.ConvTranspose2d(
        inputs, outputs, kernels, (tall, wide), paddings, extras, groups=groups, bias=bias
    )


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
