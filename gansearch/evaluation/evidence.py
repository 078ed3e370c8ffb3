"""Evidence: samples, features and neighbourhoods that metrics measure, computed when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gansearch.components import Data, SampleFormat
from gansearch.evaluation.extractors import BATCH, LoadedExtractor, extractor_for
from gansearch.evaluation.feature_cache import cache_key, read_features, write_features
from gansearch.evaluation.neighbours import K, prdc

PROTOCOL_VERSION = 2
"""Raised when the same samples would get another figure."""
FEW_TEST_SAMPLES = 200
"""Test samples below which training samples join them as the reference.

Below it one picture repeated covers a quarter of the data, and the MMD of real samples against real
ones is as large as a usual tolerance.
"""
COMPARABILITY = (
    "Distances are between features of the extractor named here: compare them with figures of the "
    "same protocol, data and extractor only, never with FIDs of Inception features."
)

_known_features: dict[tuple[str, torch.device], Tensor] = {}


def quantise(samples: Tensor, data: Data | SampleFormat) -> Tensor:
    """Convert generated images (N, C, H, W) to uint8; leave points as they are.

    Values outside the data's range are clipped. NaN becomes the lowest value: divergence is
    detected elsewhere.
    """
    if not data.is_image:
        return samples.detach().float()
    low, high = data.value_range
    pixels = (samples.detach().float() - low) * (255 / (high - low))
    return pixels.nan_to_num(nan=0.0).round().clamp(0, 255).to(torch.uint8)


def has_few_test_samples(data: Data) -> bool:
    """Return True if training samples complete the reference."""
    return len(data.test.samples) < FEW_TEST_SAMPLES


def reference_size(data: Data) -> int:
    """Count the real samples that generated ones can be compared with."""
    train = len(data.train.samples) if has_few_test_samples(data) else 0
    return len(data.test.samples) + train


def reference_name(data: Data) -> str:
    """Name the origin of the real samples, for the stamp of every figure."""
    return "test and training" if has_few_test_samples(data) else "test"


def real_samples(data: Data, count: int, device: torch.device | str = "cpu") -> Tensor:
    """Return the first real samples (at most count, C, H, W) of the reference.

    These are test samples; where there are fewer than 200 of them, training samples follow.
    """
    samples = data.test.samples[:count]
    if count > len(samples) and has_few_test_samples(data):
        more = data.train.samples[: count - len(samples)]
        samples = np.concatenate([samples, more])
    return torch.from_numpy(samples).to(device)


def real_features(
    data: Data, extractor: LoadedExtractor, count: int, device: torch.device | str = "cpu"
) -> Tensor:
    """Return features of the first real samples, measured once and kept in the user's cache.

    They are measured in whole batches, so that those of a sample are the same whatever the count.
    """
    device = torch.device(device)
    key = cache_key(data.digest, extractor.digest, reference_name(data), device.type)
    count = min(count, reference_size(data))
    known = _known_features.get((key, device))
    if known is None or len(known) < count:
        whole = min(-(-count // BATCH) * BATCH, reference_size(data))
        known = read_features(key)
        if known is None or len(known) < count:
            known = extractor.features(real_samples(data, whole, device)).cpu()
            write_features(key, known)
        _known_features[key, device] = known = known.to(device)
    return known[:count]


class TrainedEvidence:
    """Generated samples beside as many real samples of the reference."""

    def __init__(
        self,
        data: Data,
        fake: Tensor,
        extractor: LoadedExtractor | None = None,
        *,
        reconstructed: bool = False,
    ) -> None:
        """Take samples (N, C, H, W) as the generator gives them, in the data's value range.

        `reconstructed` samples were made one by one from the first N test samples, and are compared
        with those alone.

        Raises:
            ValueError: when their shape is not that of the data.
        """
        if tuple(fake.shape[1:]) != tuple(data.shape):
            raise ValueError(
                f"generated samples have shape {tuple(fake.shape[1:])}, "
                f"the data {tuple(data.shape)}"
            )
        self.data = data
        self.extractor = extractor or extractor_for(data)
        available = len(data.test.samples) if reconstructed else reference_size(data)
        self.count = min(len(fake), available)
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
        """Stamp of every figure."""
        return {
            "version": PROTOCOL_VERSION,
            "samples": self.count,
            "reference": "test" if self._reconstructed else reference_name(self.data),
            "neighbours": K,
            "extractor": self.extractor.stamp,
            "data": {"source": self.data.source, "sha256": self.data.digest},
            "note": COMPARABILITY,
        }
