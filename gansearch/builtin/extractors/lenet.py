"""A small classifier of images, whose last hidden layer is the features."""

from __future__ import annotations

from torch import Tensor, nn

from gansearch.components import ImageShape

FEATURES = 64


class LeNet(nn.Module):
    """Two convolutions and a hidden layer of 64 features.

    114,314 parameters for 28x28 grey images of ten classes. The rectifiers leak, because without it
    a third of the features died in training.
    """

    def __init__(self, images: ImageShape, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            # Brings the pixels of any data to mean 0 and variance 1.
            nn.BatchNorm2d(images.channels, affine=False),
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
        """Return scores (N, classes) of images between 0 and 1."""
        scores: Tensor = self.head(self.body(x_NCHW))
        return scores
