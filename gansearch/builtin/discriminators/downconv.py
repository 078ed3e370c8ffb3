from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from gansearch.builtin.discriminators.matched import Matched
from gansearch.components import ImageShape
from gansearch.domains import Choices, FloatRange, IntRange
from gansearch.layers import (
    Activation,
    Initialised,
    Norm,
    Normalised,
    Packed,
    Size,
    SpectrallyNormalised,
    ToVector,
)


class DownConv(Matched, Initialised, Normalised, SpectrallyNormalised, Packed):
    """Strided convolutions, each of which halves the map, and one dense score.

    With `stem: true, layers: 4, width: 128, dropout: 0.4` this is the discriminator of the face GAN
    tutorial (machinelearningmastery.com, "a practical guide to GAN failure modes").
    """

    width: Annotated[int, Field(ge=1), IntRange(4, 128, log=True)] = 64
    """Filters of the first convolution."""
    growth: Annotated[float, Field(gt=0), FloatRange(1.0, 2.0)] = 1.0
    """Filters of each strided convolution as a multiple of the one before."""
    layers: Annotated[int, Field(ge=1, le=6), IntRange(2, 4)] = 2
    """Number of strided convolutions."""
    stem: bool = False
    """Begin with a convolution that keeps the size of the image."""
    kernel: Annotated[int, Field(ge=2, le=11), Choices(3, 4, 5)] = 5
    """Side of the kernels."""
    padding: Literal["same", "valid"] = "same"
    """`same` halves the map whatever the kernel, `valid` pads nothing."""
    norm: Annotated[Norm, Choices("batch", "none")] = "none"
    """Norm after each convolution."""
    norm_first: bool = True
    """Put the norm after the first convolution too."""
    activation: Annotated[Activation, Choices("relu", "leaky_relu")] = "leaky_relu"
    """Activation after each convolution."""
    dropout: Annotated[float, Field(ge=0, lt=1), FloatRange(0.0, 0.5)] = 0.0
    """Dropout rate before the dense score."""

    def build(self, images: ImageShape) -> nn.Module:
        """Build the network.

        Raises:
            ValueError: when the image is too small for so many layers of this kernel.
        """
        widths = [max(1, round(self.width * self.growth**i)) for i in range(self.layers)]
        blocks: list[nn.Module] = []
        inputs, size = self.packed(images).channels, (images.height, images.width)
        if self.stem:
            blocks += [
                nn.Conv2d(inputs, self.width, self.kernel, padding="same"),
                *self._after_first(self.width),
            ]
            inputs = self.width
        for outputs in widths:
            after = self.after(outputs) if blocks else self._after_first(outputs)
            bias = self.needs_bias or not blocks
            padding = (self.kernel - 1) // 2 if self.padding == "same" else 0
            blocks += [nn.Conv2d(inputs, outputs, self.kernel, 2, padding, bias=bias), *after]
            inputs, size = outputs, self._shrunk(size, padding)
        blocks += [ToVector(), nn.Dropout(self.dropout)] if self.dropout else [ToVector()]
        blocks += [nn.Linear(inputs * size[0] * size[1], 1), nn.Flatten(0)]
        return self.bound(self.initialise(nn.Sequential(*self.pack(), *blocks)))

    def _after_first(self, width: int) -> list[nn.Module]:
        """Make the norm, unless `norm_first` is false, and the activation of the first layer."""
        if self.norm_first:
            return self.after(width)
        return self.model_copy(update={"norm": "none"}).after(width)

    def _shrunk(self, size: Size, padding: int) -> Size:
        """Return the size of a map after one strided convolution."""
        height, width = ((side + 2 * padding - self.kernel) // 2 + 1 for side in size)
        if height < 1 or width < 1:
            raise ValueError(
                f"{self.layers} layers of kernel {self.kernel} leave nothing of the image; "
                "choose fewer layers or padding 'same'"
            )
        return height, width
