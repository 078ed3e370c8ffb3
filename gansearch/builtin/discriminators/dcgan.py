from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gansearch.builtin.discriminators.downconv import DownConv
from gansearch.domains import Choices, IntRange
from gansearch.layers import Norm


class DCGANDiscriminator(DownConv):
    """DCGAN discriminator (Radford et al. 2016): each level halves the map."""

    width: Annotated[int, Field(ge=1), IntRange(4, 64, log=True)] = 64
    """Filters of the first level."""
    growth: Annotated[float, Field(gt=0)] = 2.0
    """Filters of each level as a multiple of the one before."""
    layers: Annotated[int, Field(ge=2, le=5), IntRange(2, 4)] = 4
    """Number of levels, each of which halves height and width."""
    kernel: Annotated[int, Field(ge=2, le=11), Choices(3, 4, 5)] = 4
    """Side of the kernels."""
    norm: Annotated[Norm, Choices("batch", "none")] = "batch"
    """Norm after each level but the first."""
    norm_first: bool = False
    """Put the norm after the first level too."""
