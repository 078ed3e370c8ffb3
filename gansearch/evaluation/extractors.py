"""Choice of the extractor that a study's samples are compared by, and its features."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import cast

import torch
from torch import Tensor, nn

from gansearch.components import Data, Extractor, FeatureNetwork, ImageShape
from gansearch.errors import DataError, PluginError
from gansearch.registry import Registry

BATCH = 50
"""Images that are mapped to features at once."""

_loaded: dict[tuple[type[Extractor], str, ImageShape], LoadedExtractor] = {}


class LoadedExtractor:
    """Extractor whose network is loaded for samples of one shape."""

    def __init__(self, network: FeatureNetwork, caution: str = "") -> None:
        self.name, self.digest, self.caution = network.name, network.digest, caution
        self._body = network.body.eval().requires_grad_(False)

    @property
    def stamp(self) -> dict[str, str]:
        """Identity of the features, and the warning that goes with them where there is one."""
        stamp = {"name": self.name, "sha256": self.digest}
        return stamp | ({"warning": self.caution} if self.caution else {})

    @torch.no_grad()
    def features(self, samples: Tensor, batch: int = BATCH) -> Tensor:
        """Return features (N, F), float32, of uint8 images or float32 points (N, C, H, W).

        They are computed and returned on the device of the samples.
        """
        self._body.to(samples.device)
        parts = torch.split(samples, batch)
        return torch.cat([self._body(_scaled(part)) for part in parts])

    def differentiable_features(self, samples: Tensor) -> Tensor:
        """Return features (N, F) with a gradient to the samples (N, C, H, W).

        Args:
            samples: images, float32 from 0 to 1, or points.
        """
        features: Tensor = self._body.to(samples.device)(samples)
        return features

    def gives_gradients(self, shape: ImageShape) -> bool:
        """Return True if gradients of features reach samples of this shape."""
        with torch.enable_grad():
            samples = torch.zeros(1, *shape, requires_grad=True)
            try:
                return self.differentiable_features(samples).requires_grad
            except RuntimeError:  # a body that hands its samples to another library
                return False


def _scaled(samples: Tensor) -> Tensor:
    return samples.float() / 255 if samples.dtype == torch.uint8 else samples


def extractor_for(data: Data, extractor: Extractor | None = None) -> LoadedExtractor:
    """Load the extractor of a study, the same object each time; points are their own features.

    Args:
        data: the samples to compare.
        extractor: the study's; None for the one that is chosen for these data.

    Raises:
        DataError: when the data name an unknown extractor, its weights are missing or damaged, or
            it does not take images of this shape.
    """
    if not data.is_image:
        return _identity()
    if extractor is None:
        _, extractor = choose_extractor(data, Registry())
    key = (type(extractor), extractor.model_dump_json(), data.shape)
    if key not in _loaded:
        # On the CPU, and without a trace in the random state of the run that is judged.
        with torch.device("cpu"), torch.random.fork_rng(devices=[]):
            network = extractor.load(data.shape)
        _loaded[key] = LoadedExtractor(network, extractor.caution)
    return _loaded[key]


def detectors_extractor_for(data: Data, extractor: Extractor | None = None) -> LoadedExtractor:
    """Load the extractor that detectors go by: the study's, or one that is made for detectors.

    Args:
        data: the samples to compare.
        extractor: the study's; None for the one that is chosen for these data.

    Raises:
        DataError: as `extractor_for`.
    """
    if data.is_image and not (extractor is not None and extractor.for_detectors):
        _, extractor = choose_extractor(data, Registry(), for_detectors=True)
    return extractor_for(data, extractor)


def choose_extractor(
    data: Data, registry: Registry, *, for_detectors: bool = False
) -> tuple[str, Extractor]:
    """Choose the extractor of images for which a study names none, and return it with its name.

    It is the one that the data name, or else the one of highest priority among those that suit
    them. Plugins that cannot be loaded are passed over.

    Args:
        data: the samples to compare.
        registry: the extractors.
        for_detectors: leave out those that detectors should not go by.

    Raises:
        DataError: when the data name an extractor that cannot be had, or none suits them.
    """
    if data.extractor is not None:
        try:
            return data.extractor, cast(Extractor, registry.load("extractor", data.extractor)())
        except PluginError as error:
            raise DataError(f"{data.source} cannot be compared: {error}") from None
    suitable: list[tuple[int, str, type[Extractor]]] = []
    for name in registry.names("extractor"):
        try:
            component = cast(type[Extractor], registry.load("extractor", name))
        except PluginError:  # `gansearch plugins list` gives the reason
            continue
        if component.suits(data) and (component.for_detectors or not for_detectors):
            suitable.append((component.priority, name, component))
    if not suitable:
        raise DataError(f"no installed extractor suits {data.source}; name an `extractor`")
    _, name, component = max(suitable, key=lambda one: one[:2])
    return name, component()


@lru_cache
def _identity() -> LoadedExtractor:
    """Return the extractor of points: their coordinates as they are."""
    digest = hashlib.sha256(b"identity").hexdigest()
    return LoadedExtractor(FeatureNetwork(nn.Flatten(), "identity", digest))
