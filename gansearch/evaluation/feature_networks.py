"""The networks behind the feature extractors: a small classifier, and one that is never trained."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gansearch.components import ImageShape

FEATURES = 64


class LeNet(nn.Module):
    """A small classifier of images whose last hidden layer is the features.

    114,314 parameters for 28x28 grey images of ten classes. The rectifiers leak, because without it
    a third of the features died in training.
    """

    def __init__(self, images: ImageShape, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(
                images.channels, affine=False
            ),  # brings any data's pixels to mean 0 and variance 1
            nn.Conv2d(images.channels, 16, 5, padding=2),
            nn.LeakyReLU(0.1),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 5, padding=2),
            nn.LeakyReLU(0.1),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * (images.height // 4) * (images.width // 4), FEATURES),
            nn.LeakyReLU(0.1),
        )
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Scores (N, classes) of images between 0 and 1."""
        scores: Tensor = self.head(self.body(x_NCHW))
        return scores


class RandomConv(nn.Sequential):
    """An untrained network: strided convolutions, a 4x4 pool and a projection, He-initialised from
    a seed.
    """

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
