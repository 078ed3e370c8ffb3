"""Feature extractors: what turns samples into points whose distances mean likeness.

Three kinds: a classifier that was trained on the study's own kind of data and ships with gansearch;
a random network, a published fallback where nothing ships (R64 of Naeem et al. 2020,
arXiv:2002.09797); and the points themselves for points.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gansearch.components import Data, ImageShape
from gansearch.errors import DataError
from gansearch.evaluation.feature_networks import FEATURES, LeNet, RandomConv


class Shipped(NamedTuple):
    """Weights that come with the package."""

    file: Traversable
    sha256: str
    shape: ImageShape
    classes: int


SHIPPED: Mapping[str, Shipped] = {
    "fashion-mnist": Shipped(
        files("gansearch") / "resources" / "fashion_mnist" / "extractor.pt",
        "b5fe2b0bcf3101927eca7bdb1e85a4affd993a2edc104b82865b998945a13812",
        ImageShape(1, 28, 28),
        10,
    )
}


class Extractor:
    """Maps samples to features, always in evaluation mode and without gradients."""

    def __init__(self, name: str, body: nn.Module, digest: str) -> None:
        self.name = name
        self.digest = digest
        """sha256, in hexadecimal, of what the features depend on."""
        self.body = body.eval().requires_grad_(False)
        """Features of images between 0 and 1, or of points."""

    @torch.no_grad()
    def features(self, samples: Tensor, batch: int = 250) -> Tensor:
        """Features (N, F), float32, of uint8 images or float32 points (N, C, H, W), on their
        device.
        """
        self.body.to(samples.device)
        return torch.cat([self.body(_scaled(part)) for part in torch.split(samples, batch)])


def _scaled(samples: Tensor) -> Tensor:
    return samples.float() / 255 if samples.dtype == torch.uint8 else samples


def extractor_for(data: Data) -> Extractor:
    """The extractor by which these data are judged, the same object each time.

    Raises:
        DataError: when shipped weights are damaged or were made for images of other proportions.
    """
    if not data.is_image:
        return identity()
    if data.extractor is None:
        return random_extractor(data.shape.channels)
    shipped = SHIPPED.get(data.extractor)
    if shipped is None:
        raise DataError(
            f"no extractor is called {data.extractor!r}; there are {', '.join(SHIPPED)}"
        )
    if data.shape == shipped.shape:
        return shipped_extractor(data.extractor)
    return scaling_extractor(data.extractor, data.shape)


@contextmanager
def _apart() -> Iterator[None]:
    """Make a network on the CPU without a trace in the random state of the run that is judged."""
    with torch.device("cpu"), torch.random.fork_rng(devices=[]):
        yield


@lru_cache
def identity() -> Extractor:
    """The coordinates of points as they are."""
    return Extractor("identity", nn.Flatten(), hashlib.sha256(b"identity").hexdigest())


@lru_cache
def random_extractor(channels: int, seed: int = 0) -> Extractor:
    """Features of an untrained network, the same ones on every machine."""
    with _apart():
        body = RandomConv(channels, seed)
    digest = hashlib.sha256()
    for parameter in body.parameters():
        digest.update(parameter.detach().numpy().tobytes())
    return Extractor(f"random-conv-{FEATURES}", body, digest.hexdigest())


@lru_cache
def shipped_extractor(name: str) -> Extractor:
    """Load shipped weights, whose checksum must be right.

    Raises:
        DataError: when the file is missing or damaged.
    """
    shipped = SHIPPED[name]
    try:
        content = shipped.file.read_bytes()
    except OSError as error:
        raise DataError(f"the weights of the extractor {name} cannot be read: {error}") from None
    if hashlib.sha256(content).hexdigest() != shipped.sha256:
        raise DataError(f"the weights of the extractor {name} are damaged; install gansearch again")
    with _apart():
        network = LeNet(shipped.shape, shipped.classes)
    network.load_state_dict(torch.load(io.BytesIO(content), weights_only=True))
    return Extractor(f"lenet-{name}", network.body, shipped.sha256)


class _ScaledTo(nn.Module):
    """Images scaled to another size, with no alias of what is too fine for it."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return functional.interpolate(
            x_NCHW, self.size, mode="bicubic", align_corners=False, antialias=True
        )


@lru_cache
def scaling_extractor(name: str, images: ImageShape) -> Extractor:
    """Shipped weights for images of another size, which are scaled to the one that they were made
    for.

    Raises:
        DataError: when these images have other channels or proportions, or the weights are damaged.
    """
    shape = SHIPPED[name].shape
    if (
        images.channels != shape.channels
        or images.height * shape.width != images.width * shape.height
    ):
        raise DataError(
            f"the extractor {name} takes images {tuple(shape)} and others of these proportions, "
            f"got {tuple(images)}"
        )
    shipped = shipped_extractor(name)
    scaling = f"{images.height}x{images.width} to {shape.height}x{shape.width}"
    return Extractor(
        f"{shipped.name}, images scaled from {scaling}",
        nn.Sequential(_ScaledTo((shape.height, shape.width)), shipped.body),
        hashlib.sha256(f"{shipped.digest} bicubic {scaling}".encode()).hexdigest(),
    )
