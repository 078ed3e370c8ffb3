from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gansearch.builtin.discriminators.downconv import DownConv
from gansearch.domains import Choices, IntRange
from gansearch.layers import Norm


class DCGANDiscriminator(DownConv):
    """Radford et al. 2016: each level halves the map and doubles the filters; no norm after the first."""

    width: Annotated[int, Field(ge=1), IntRange(4, 64, log=True)] = 64
    growth: Annotated[float, Field(gt=0)] = 2.0
    layers: Annotated[int, Field(ge=2, le=5), IntRange(2, 4)] = 4
    kernel: Annotated[int, Field(ge=2, le=11), Choices(3, 4, 5)] = 4
    norm: Annotated[Norm, Choices("batch", "none")] = "batch"
    norm_first: bool = False
