"""An extractor for gansearch."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import Field
from torch import nn

from gansearch.components import Extractor, FeatureNetwork, ImageShape


class Example(Extractor):
    """Colours of a coarse grid: a stand-in for a network that was trained on pictures."""

    grid: Annotated[int, Field(ge=1, le=32)] = 8
    """Rows and columns of the grid."""

    def load(self, images: ImageShape) -> FeatureNetwork:
        body = nn.Sequential(nn.AdaptiveAvgPool2d(self.grid), nn.Flatten())
        name = f"grid-{self.grid}"
        return FeatureNetwork(body, name, hashlib.sha256(name.encode()).hexdigest())
