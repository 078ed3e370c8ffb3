from __future__ import annotations

import hashlib
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import nn

from gansearch.components import Data, Extractor, FeatureNetwork, ImageShape

FEATURES = 64


class Random(Extractor):
    """Features of a network that was never trained (R64 of Naeem et al. 2020, arXiv:2002.09797).

    The last resort, for images that no other extractor suits: in these features blur, noise and
    broken local structure hardly show.
    """

    priority: ClassVar[int] = -100
    for_detectors: ClassVar[bool] = True
    caution: ClassVar[str] = (
        "figures are made with random features, which hardly see blur, noise and broken local "
        "structure; name an `extractor` that was trained on pictures (docs/extractors.md)"
    )

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the weights."""

    @classmethod
    def suits(cls, data: Data) -> bool:
        return data.is_image

    def load(self, images: ImageShape) -> FeatureNetwork:
        body = RandomConv(images.channels, self.seed)
        digest = hashlib.sha256()
        for parameter in body.parameters():
            digest.update(parameter.detach().numpy().tobytes())
        return FeatureNetwork(body, f"random-conv-{FEATURES}", digest.hexdigest())


class RandomConv(nn.Sequential):
    """Strided convolutions, a 4x4 pool and a projection, He-initialised from a seed."""

    def __init__(self, channels: int, seed: int) -> None:
        super().__init__(
            nn.Conv2d(channels, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, 128, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(128 * 4 * 4, FEATURES),
        )
        draws = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.kaiming_normal_(parameter, nonlinearity="relu", generator=draws)
            else:
                nn.init.zeros_(parameter)
