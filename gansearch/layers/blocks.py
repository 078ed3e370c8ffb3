"""Blocks that convolutional networks are stacked from: one convolution, or a residual branch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from gansearch.components import ImageShape
from gansearch.domains import Choices
from gansearch.layers.maps import Size, halved
from gansearch.layers.norms import Normalised
from gansearch.layers.resampling import Resampling, SameSize

Convolution = Literal["plain", "separable", "grouped", "inverted-bottleneck"]


class Stacked(Normalised):
    """Fields of the levels of a network, each of which resamples its map, and of their blocks."""

    width: Annotated[int, Field(ge=1)]
    """Channels of the map that is as large as the image."""
    growth: Annotated[float, Field(gt=0)] = 1.0
    """Channels of each smaller map as a multiple of those of the next larger one."""
    levels: Annotated[int, Field(ge=1, le=6)] = 3
    """Number of levels, each of which doubles or halves height and width."""
    depth: Annotated[int, Field(ge=1, le=8)] = 1
    """Blocks of each level; the first one resamples."""
    convolution: Annotated[
        Convolution, Choices("plain", "separable", "grouped", "inverted-bottleneck")
    ] = "plain"
    """Convolution of the blocks.

    `separable` convolves each channel by itself and then mixes the channels of each pixel (Chollet
    2017), `grouped` does so with groups of `group_width` channels (ResNeXt, Xie et al. 2017), and
    `inverted-bottleneck` with such groups between two mixtures, the first of which multiplies the
    channels by `expansion` (MobileNetV2, Sandler et al. 2018; its groups have a width of 1).
    """
    kernel: Annotated[Literal[3, 5, 7], Choices(3, 5)] = 3
    """Side of the kernels; those of transposed convolutions are larger by 1."""
    group_width: Annotated[int, Field(ge=1)] = 8
    """Channels per group of `grouped` and `inverted-bottleneck`; more where it divides badly."""
    expansion: Annotated[int, Field(ge=1, le=8)] = 2
    """Channels within an inverted bottleneck as a multiple of those outside."""
    residual: Annotated[bool, Choices(False, True)] = False
    """Add each block to a shortcut.

    The branch has two convolutions, each after norm and activation (SNGAN, Miyato et al. 2018), or
    is one inverted bottleneck (R3GAN, Huang et al. 2024, arXiv:2501.05441). It starts at zero.
    """
    attention: Annotated[Annotated[int, Field(ge=1)] | None, Choices(None, 8, 16)] = None
    """Side of a map: self-attention follows the largest map that is no larger; null for none."""

    def widths(self) -> list[int]:
        """Return the channels of the maps, the largest map first."""
        return [max(1, round(self.width * self.growth**i)) for i in range(self.levels + 1)]

    def sizes(self, images: ImageShape) -> list[Size]:
        """Return the sizes of the maps, the largest first.

        Raises:
            ValueError: when norm or attention and these sizes do not fit together.
        """
        sizes = [halved((images.height, images.width), i) for i in range(self.levels + 1)]
        if self.norm == "instance" and sizes[-1] == (1, 1):
            raise ValueError(
                f"norm 'instance' leaves nothing of a map of one pixel, which {self.levels} levels "
                "end at; choose fewer levels or another norm"
            )
        if self.attention is not None and max(sizes[-1]) > self.attention:
            raise ValueError(
                f"attention at {self.attention} pixels needs a map that small, and the smallest is "
                f"{sizes[-1][0]}x{sizes[-1][1]}; choose more levels or a larger attention"
            )
        return sizes

    def attends(self, sizes: list[Size]) -> Size | None:
        """Return the size of the map that self-attention follows; None for no attention."""
        if self.attention is None:
            return None
        return next(size for size in sizes if max(size) <= self.attention)

    def level(self, inputs: int, outputs: int, resampling: Resampling) -> list[nn.Module]:
        """Make a level: a block that resamples, and `depth - 1` more."""
        blocks = self.block(inputs, outputs, resampling)
        for _ in range(self.depth - 1):
            blocks += self.block(outputs, outputs, SameSize())
        return blocks

    def block(self, inputs: int, outputs: int, resampling: Resampling) -> list[nn.Module]:
        """Make a block (N, inputs, H, W) to (N, outputs, H', W')."""
        if not self.residual:
            convolution = self.convolve(inputs, outputs, resampling, bias=self.needs_bias)
            return [*convolution, *self.after(outputs)]
        if self.convolution == "inverted-bottleneck":
            branch = self.convolve(inputs, outputs, resampling)
        else:
            branch = [
                *self.after(inputs, inplace=False),
                *self.convolve(inputs, outputs, resampling, bias=self.needs_bias),
                *self.after(outputs),
                *self.convolve(outputs, outputs, SameSize()),
            ]
        return [Residual(branch, resampling.shortcut(inputs, outputs))]

    def convolve(
        self, inputs: int, outputs: int, resampling: Resampling, *, bias: bool = True
    ) -> list[nn.Module]:
        """Make the convolution of a block; its last layer is linear, with a bias unless told."""
        match self.convolution:
            case "plain":
                return resampling.convolution(inputs, outputs, self.kernel, bias=bias)
            case "separable" | "grouped":
                width = 1 if self.convolution == "separable" else self.group_width
                groups = count_groups(inputs, width)
                spatial = resampling.convolution(
                    inputs, inputs, self.kernel, groups=groups, bias=False
                )
                return [*spatial, nn.Conv2d(inputs, outputs, 1, bias=bias)]
            case "inverted-bottleneck":
                wide = self.expansion * inputs
                groups = count_groups(wide, self.group_width)
                spatial = resampling.convolution(
                    wide, wide, self.kernel, groups=groups, bias=self.needs_bias
                )
                return [
                    nn.Conv2d(inputs, wide, 1, bias=self.needs_bias),
                    *self.after(wide),
                    *spatial,
                    *self.after(wide),
                    nn.Conv2d(wide, outputs, 1, bias=bias),
                ]


def count_groups(channels: int, width: int) -> int:
    """Return the largest number of equal groups of at least so many channels.

    >>> count_groups(24, 8), count_groups(20, 8), count_groups(5, 8)
    (3, 2, 1)
    """
    return max(
        groups for groups in range(1, max(1, channels // width) + 1) if channels % groups == 0
    )


class Residual(nn.Module):
    """Sum of a branch and a shortcut, each of which may change size and channels of a map."""

    def __init__(self, branch: list[nn.Module], shortcut: list[nn.Module]) -> None:
        """Create the block from layers; the last one of the branch has weights."""
        super().__init__()
        self.branch = nn.Sequential(*branch)
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, maps: Tensor) -> Tensor:
        total: Tensor = self.shortcut(maps) + self.branch(maps)
        return total


def start_at_shortcuts(network: nn.Module) -> nn.Module:
    """Set the last weights of every residual branch to zero; return the network.

    Without a norm the variance of a sum would otherwise grow from block to block (Zhang et al.
    2019, arXiv:1901.09321).
    """
    for block in network.modules():
        last = block.branch[-1] if isinstance(block, Residual) else None
        if isinstance(last, nn.Conv2d) and not last.weight.is_meta:
            nn.init.zeros_(last.weight)
    return network
