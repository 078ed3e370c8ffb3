from __future__ import annotations

import hashlib
import io
from importlib.resources import files
from typing import ClassVar

import torch
from torch import nn

from gansearch.builtin.extractors.lenet import LeNet
from gansearch.components import Extractor, FeatureNetwork, ImageShape
from gansearch.errors import DataError
from gansearch.layers import Resize

WEIGHTS = files("gansearch") / "resources" / "fashion_mnist" / "extractor.pt"
SHA256 = "b5fe2b0bcf3101927eca7bdb1e85a4affd993a2edc104b82865b998945a13812"
SHAPE = ImageShape(1, 28, 28)
CLASSES = 10


class FashionMNIST(Extractor):
    """Features of a small classifier of Fashion-MNIST's garments, which ships with gansearch.

    Grey images of other sizes are scaled to the 28x28 that it was trained on.
    """

    for_detectors: ClassVar[bool] = True

    def load(self, images: ImageShape) -> FeatureNetwork:
        if images.channels != SHAPE.channels or images.height != images.width:
            raise DataError(
                f"the extractor fashion-mnist takes square grey images, got {tuple(images)} "
                "(channels, height, width)"
            )
        body = classifier().body
        if images == SHAPE:
            return FeatureNetwork(body, "lenet-fashion-mnist", SHA256)
        scaling = f"{images.height}x{images.width} to {SHAPE.height}x{SHAPE.width}"
        return FeatureNetwork(
            nn.Sequential(Resize(SHAPE.height, SHAPE.width), body),
            f"lenet-fashion-mnist, images scaled from {scaling}",
            hashlib.sha256(f"{SHA256} bicubic {scaling}".encode()).hexdigest(),
        )


def classifier() -> LeNet:
    """Load the classifier whose weights ship with the package.

    Raises:
        DataError: when the file is missing or damaged.
    """
    try:
        content = WEIGHTS.read_bytes()
    except OSError as error:
        raise DataError(
            f"the weights of the extractor fashion-mnist cannot be read: {error}"
        ) from None
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise DataError(
            "the weights of the extractor fashion-mnist are damaged; install gansearch again"
        )
    network = LeNet(SHAPE, CLASSES)
    network.load_state_dict(torch.load(io.BytesIO(content), weights_only=True))
    return network
