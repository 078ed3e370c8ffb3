"""Measurements of a generator's samples for the detectors, taken at looks while it trains."""

from __future__ import annotations

import math
from functools import cached_property

import torch
from torch import Tensor

from gansearch.components import Data
from gansearch.evaluation.diversity import (
    COMPARED,
    NEAR_SHARE,
    coarse,
    level_profiles,
    near_duplicate_rate,
    pair_distances,
)
from gansearch.evaluation.evidence import (
    quantise,
    real_features,
    real_samples,
    reference_size,
)
from gansearch.evaluation.extractors import LoadedExtractor, detectors_extractor_for
from gansearch.evaluation.neighbours import coverage, radii


class Probe:
    """Measure coverage, near pairs and spread of generated samples against real ones.

    The real samples are those that the metrics take, 1,000 at most; their figures are kept.
    """

    def __init__(
        self, data: Data, extractor: LoadedExtractor | None = None, samples: int = 1000
    ) -> None:
        self.data = data
        self.extractor = extractor or detectors_extractor_for(data)
        self.samples = min(samples, reference_size(data))
        """Number of real samples, and of generated ones to bring: coverage depends on it."""

    @cached_property
    def _real(self) -> tuple[Tensor, Tensor]:
        features = real_features(self.data, self.extractor, self.samples)
        return features, radii(features)

    @cached_property
    def _real_pairs(self) -> tuple[float, float, float]:
        """Near distance in pixels and on the coarse grid, and the median distance in pixels."""
        real = real_samples(self.data, self.samples)
        pixels = pair_distances(real)
        near_coarse = pair_distances(coarse(real)).quantile(NEAR_SHARE)
        return float(pixels.quantile(NEAR_SHARE)), float(near_coarse), float(pixels.median())

    @cached_property
    def _real_levels(self) -> tuple[Tensor, float]:
        """Profiles of the real images' grey levels, and the median distance of two of them."""
        profiles = level_profiles(real_samples(self.data, self.samples))
        return profiles, float(torch.pdist(profiles[:COMPARED]).median())

    def levels(self, samples: Tensor) -> float:
        """Distance of real images' grey levels to the nearest sample, over that of real pairs."""
        profiles, typical = self._real_levels
        profiles, generated = profiles.to(samples.device), level_profiles(samples[: self.samples])
        nearest = torch.cdist(profiles, generated).amin(dim=1)
        return float(nearest.median()) / typical if typical else math.nan

    @property
    def near(self) -> float:
        """Difference in levels that 1 % of the real pairs do not exceed; NaN for points."""
        return self._real_pairs[0] if self.data.is_image else math.nan

    def coverage(self, features: Tensor) -> float:
        """Return the share of the real samples that the first `samples` features (N, F) cover."""
        real, reach = (tensor.to(features.device) for tensor in self._real)
        return coverage(real, reach, features[: self.samples])

    def coverage_of(self, samples: Tensor) -> float:
        """Return the share of the real samples that quantised samples (N, C, H, W) cover."""
        return self.coverage(self.extractor.features(samples[: self.samples]))

    def __call__(self, fake: Tensor) -> dict[str, float]:
        """Measure samples (N, C, H, W) as the generator gives them, on any device."""
        return self.figures(quantise(fake[: self.samples], self.data))

    def figures(self, samples: Tensor) -> dict[str, float]:
        """Measure quantised samples (N, C, H, W): uint8 images, or points."""
        covered = self.coverage_of(samples)
        if not self.data.is_image or len(samples) < 2:
            unknown = dict.fromkeys(
                ("duplicates", "coarse_duplicates", "spread", "levels"), math.nan
            )
            return {"coverage": covered, **unknown}
        near, near_coarse, median = self._real_pairs
        distances = pair_distances(samples)
        return {
            "coverage": covered,
            "duplicates": float((distances <= near).double().mean()),
            "coarse_duplicates": near_duplicate_rate(coarse(samples), near_coarse),
            "spread": float(distances.median()) / median if median else math.nan,
            "levels": self.levels(samples),
        }
