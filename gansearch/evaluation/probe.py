"""A probe: the two figures by which a generator is watched while it trains."""

from __future__ import annotations

from functools import cached_property

from torch import Tensor

from gansearch.components import Data
from gansearch.evaluation.diversity import near_duplicate_rate
from gansearch.evaluation.evidence import quantise, real_features
from gansearch.evaluation.extractors import Extractor, extractor_for
from gansearch.evaluation.neighbours import coverage, radii


class Probe:
    """Measures coverage and near-duplicates of generated samples; what concerns real ones is kept."""

    def __init__(self, data: Data, extractor: Extractor | None = None, samples: int = 1000) -> None:
        self.data = data
        self.extractor = extractor or extractor_for(data)
        self.samples = min(samples, len(data.test.samples))
        """How many generated samples to bring: as many as there are real ones, lest coverage mean something else."""

    @cached_property
    def _real(self) -> tuple[Tensor, Tensor]:
        features = real_features(self.data, self.extractor, self.samples)
        return features, radii(features)

    def coverage(self, features: Tensor) -> float:
        """Share of the real samples that generated features (N, F) cover, of which no more than `samples` count."""
        real, reach = (tensor.to(features.device) for tensor in self._real)
        return coverage(real, reach, features[: self.samples])

    def __call__(self, fake: Tensor) -> dict[str, float]:
        """Judge samples (N, C, H, W) as the generator gives them, on any device."""
        pictures = quantise(fake[: self.samples], self.data)
        return {
            "coverage": self.coverage(self.extractor.features(pictures)),
            "duplicates": near_duplicate_rate(pictures),
        }
