"""Metrics: diversity and sharpness of generated images, measured in pixels."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from gansearch.components import Evidence, SampleMetric
from gansearch.evaluation.diversity import laplacian_variance, near_distance, near_duplicate_rate


class Duplicates(SampleMetric):
    """Share of pairs of generated images that are nearer than 99 % of real pairs; 0.01 is right."""

    direction: ClassVar[Literal["minimize", "maximize"]] = "minimize"

    def measure(self, evidence: Evidence) -> float:
        if not evidence.data.is_image or len(evidence.real) < 2:
            return math.nan
        return near_duplicate_rate(evidence.fake, near_distance(evidence.real))


class BlurRatio(SampleMetric):
    """Sharpness of generated images over that of real ones: 1 is right, noise is far above."""

    direction: ClassVar[Literal["minimize", "maximize"]] = "maximize"

    def measure(self, evidence: Evidence) -> float:
        shape = evidence.data.shape
        if not evidence.data.is_image or min(shape.height, shape.width) < 3:
            return math.nan
        real = laplacian_variance(evidence.real)
        return laplacian_variance(evidence.fake) / real if real else math.nan
