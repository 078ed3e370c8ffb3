"""Layers that look at several samples of a batch together."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from gansearch.components import ImageShape
from gansearch.domains import Choices
from gansearch.layers.mixin import Mixin


class Packed(Mixin):
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


class MinibatchStd(nn.Module):
    """Append a channel with the standard deviation between samples (Karras et al. 2018).

    (N, C, H, W) to (N, C + 1, H, W). A discriminator sees by it that generated samples are alike.
    The deviation is the mean over all values within a group of neighbours in the batch.
    """

    def __init__(self, group: int = 4) -> None:
        """Create the layer; a batch that `group` does not divide has smaller groups."""
        super().__init__()
        self.group = group

    def forward(self, maps: Tensor) -> Tensor:
        size = max(n for n in range(1, self.group + 1) if len(maps) % n == 0)
        groups = maps.reshape(len(maps) // size, size, *maps.shape[1:])
        variance = groups.var(1, correction=0)
        # The constant keeps the gradient finite where all samples of a group are the same.
        deviation = torch.sqrt(variance + 1e-8).mean((1, 2, 3))
        channel = deviation.repeat_interleave(size).view(-1, 1, 1, 1)
        return torch.cat([maps, channel.expand(-1, 1, *maps.shape[2:])], 1)
