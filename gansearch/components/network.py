"""Networks: generators, which map latents to samples, and discriminators, which score them."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from gansearch.components.component import Component
from gansearch.components.data import ImageShape

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class Network(Component):
    """A component that builds a network, on torch's default device."""

    @abstractmethod
    def build(self, images: ImageShape) -> nn.Module:
        """Build the network, initialised, for samples of this shape.

        Sizes are counted by building under `torch.device("meta")`, which allocates no memory; the
        method must not read the value of a tensor.

        Raises:
            ValueError: when these fields and this shape do not fit together.
        """


class Generator(Network):
    """A component that builds a module from latents (N, latent) to samples (N, C, H, W).

    With `feeds_on = "samples"` it is an autoencoder: a module from samples (N, C, H, W) of the data
    to samples, with `latent` values in its bottleneck.
    """

    role: ClassVar[str] = "generator"
    feeds_on: ClassVar[Literal["latents", "samples"]] = "latents"

    latent: Annotated[int, Field(ge=1)]
    """Number of values in one latent."""

    def input_shape(self, images: ImageShape) -> tuple[int, ...]:
        """Return the shape of one input, for samples of this shape."""
        return tuple(images) if self.feeds_on == "samples" else (self.latent,)

    def draw_latents(self, count: int, device: torch.device | str) -> Tensor:
        """Draw latents (count, latent) from the standard normal distribution."""
        # Imported here: the driver imports this module and must start without torch.
        import torch

        return torch.randn(count, self.latent, device=device)


class Discriminator(Network):
    """A component that builds a module from samples (N, C, H, W) to scores; high means real.

    The module returns one score per sample, (N,), or one per pack of m samples, (N // m,).
    """

    role: ClassVar[str] = "discriminator"

    def matched(self, generator: nn.Module, images: ImageShape) -> Discriminator:
        """Return the discriminator for a built generator, for samples of this shape.

        That is this one, unless its size follows from the generator's.
        """
        return self
