"""Evidence: everything that a metric can see of a trained generator, computed when first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from gansearch.components import Data
from gansearch.evaluation.extractors import Extractor, extractor_for
from gansearch.evaluation.neighbours import K, prdc

PROTOCOL_VERSION = 1
"""Raised when the same samples would be judged by another figure."""
COMPARABILITY = (
    "Distances are between features of the extractor named here: compare them with figures of the same "
    "protocol, data and extractor only, never with FIDs of Inception features."
)

_known_features: dict[tuple[str, str, int, torch.device], Tensor] = {}


def quantise(samples: Tensor, data: Data) -> Tensor:
    """What a viewer would get: generated images (N, C, H, W) as uint8, points as they are.

    Values outside the data's range are clipped. NaN becomes the lowest one, for it is a detector's
    business to see divergence.
    """
    if not data.is_image:
        return samples.detach().float()
    low, high = data.value_range
    pixels = (samples.detach().float() - low) * (255 / (high - low))
    return pixels.nan_to_num(nan=0.0).round().clamp(0, 255).to(torch.uint8)


def real_samples(data: Data, count: int, device: torch.device | str = "cpu") -> Tensor:
    """The first test samples (at most count, C, H, W)."""
    return torch.from_numpy(data.test.samples[:count]).to(device)


def real_features(
    data: Data, extractor: Extractor, count: int, device: torch.device | str = "cpu"
) -> Tensor:
    """Features of the first test samples, computed once a process."""
    key = (data.digest, extractor.digest, count, torch.device(device))
    if key not in _known_features:
        _known_features[key] = extractor.features(real_samples(data, count, device))
    return _known_features[key]


class TrainedEvidence:
    """Generated samples beside as many test samples of the data."""

    def __init__(
        self,
        data: Data,
        fake: Tensor,
        extractor: Extractor | None = None,
        *,
        reconstructed: bool = False,
    ) -> None:
        """Take samples (N, C, H, W) as the generator gives them, in the data's value range.

        `reconstructed` says that they were made one by one from the first N test samples.

        Raises:
            ValueError: when their shape is not that of the data.
        """
        if tuple(fake.shape[1:]) != tuple(data.shape):
            raise ValueError(
                f"generated samples have shape {tuple(fake.shape[1:])}, the data {tuple(data.shape)}"
            )
        self.data = data
        self.extractor = extractor or extractor_for(data)
        self.count = min(len(fake), len(data.test.samples))
        self._generated = fake[: self.count]
        self._reconstructed = reconstructed

    @cached_property
    def real(self) -> Tensor:
        return real_samples(self.data, self.count, self._generated.device)

    @cached_property
    def fake(self) -> Tensor:
        return quantise(self._generated, self.data)

    @property
    def inputs(self) -> Tensor | None:
        return self.real if self._reconstructed else None

    @cached_property
    def real_features(self) -> Tensor:
        return real_features(self.data, self.extractor, self.count, self._generated.device)

    @cached_property
    def fake_features(self) -> Tensor:
        return self.extractor.features(self.fake)

    @cached_property
    def neighbourhoods(self) -> Mapping[str, float]:
        return prdc(self.real_features, self.fake_features)

    @property
    def protocol(self) -> dict[str, Any]:
        """What every figure is stamped with."""
        return {
            "version": PROTOCOL_VERSION,
            "samples": self.count,
            "neighbours": K,
            "extractor": {"name": self.extractor.name, "sha256": self.extractor.digest},
            "data": {"source": self.data.source, "sha256": self.data.digest},
            "note": COMPARABILITY,
        }
