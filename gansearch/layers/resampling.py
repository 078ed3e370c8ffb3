"""Resampling of maps: the convolution that doubles or halves a map, and the shortcut beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor, nn
from torch.nn import functional

from gansearch.layers.maps import Size, upsample

UpsamplingMethod = Literal["transposed", "nearest", "bilinear", "pixel-shuffle"]
DownsamplingMethod = Literal["stride", "average", "blur"]


class Resampling(Protocol):
    """Size of a map after a block, relative to that before it."""

    def convolution(
        self, inputs: int, outputs: int, kernel: int, *, groups: int = 1, bias: bool = True
    ) -> list[nn.Module]:
        """Make a convolution that resamples: (N, inputs, ...) to (N, outputs, ...).

        Args:
            inputs: channels before.
            outputs: channels after.
            kernel: side of the kernel, an odd number.
            groups: groups of channels that do not mix.
            bias: False where a norm follows.
        """

    def shortcut(self, inputs: int, outputs: int) -> list[nn.Module]:
        """Make the shortcut of a residual block, with no more weights than new channels need."""


@dataclass(frozen=True)
class SameSize:
    """Maps that keep their size."""

    def convolution(
        self, inputs: int, outputs: int, kernel: int, *, groups: int = 1, bias: bool = True
    ) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=bias)]

    def shortcut(self, inputs: int, outputs: int) -> list[nn.Module]:
        return projection(inputs, outputs)


@dataclass(frozen=True)
class Upsampling:
    """Maps that grow from one size to another, of at most twice the sides."""

    method: UpsamplingMethod
    size: Size
    target: Size

    def convolution(
        self, inputs: int, outputs: int, kernel: int, *, groups: int = 1, bias: bool = True
    ) -> list[nn.Module]:
        match self.method:
            case "transposed":
                # A kernel that the stride divides covers all pixels alike (Odena et al. 2016).
                layer = upsample(
                    inputs, outputs, kernel + 1, self.size, self.target, groups=groups, bias=bias
                )
                return [layer]
            case "pixel-shuffle":
                shuffled = SameSize().convolution(
                    inputs, 4 * outputs, kernel, groups=groups, bias=bias
                )
                return [*shuffled, nn.PixelShuffle(2), Crop(self.target)]
            case "nearest" | "bilinear":
                convolution = SameSize().convolution(
                    inputs, outputs, kernel, groups=groups, bias=bias
                )
                return [self._interpolation(), *convolution]

    def shortcut(self, inputs: int, outputs: int) -> list[nn.Module]:
        # The projection commutes with the interpolation and costs less before it.
        return [*projection(inputs, outputs), self._interpolation()]

    def _interpolation(self) -> nn.Module:
        mode = "bilinear" if self.method == "bilinear" else "nearest"
        return nn.Upsample(self.target, mode=mode)


@dataclass(frozen=True)
class Downsampling:
    """Maps of half the sides, rounded up."""

    method: DownsamplingMethod

    def convolution(
        self, inputs: int, outputs: int, kernel: int, *, groups: int = 1, bias: bool = True
    ) -> list[nn.Module]:
        stride = 2 if self.method == "stride" else 1
        layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=bias)
        return [layer] if self.method == "stride" else [layer, self._pooling()]

    def shortcut(self, inputs: int, outputs: int) -> list[nn.Module]:
        return [self._pooling(), *projection(inputs, outputs)]

    def _pooling(self) -> nn.Module:
        average = nn.AvgPool2d(2, ceil_mode=True)
        if self.method != "blur":
            return average
        # Two averages of neighbours are the filter (1, 2, 1) / 4 of Zhang 2019, arXiv:1904.11486.
        blur = nn.AvgPool2d(2, stride=1, padding=1, count_include_pad=False)
        return nn.Sequential(blur, nn.AvgPool2d(2))


def projection(inputs: int, outputs: int) -> list[nn.Module]:
    """Make a convolution of single pixels to another number of channels: no module for the same."""
    return [nn.Conv2d(inputs, outputs, 1, bias=False)] if inputs != outputs else []


class Crop(nn.Module):
    """Cut maps (N, C, H, W) to a size, from the upper left corner."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size

    def forward(self, maps: Tensor) -> Tensor:
        return maps[:, :, : self.size[0], : self.size[1]]


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
