"""Counting a candidate without building it in memory."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from gansearch.candidate import Candidate
from gansearch.components import ImageShape, Metric, SizeMetric
from gansearch.evaluation.sizes import count_parameters


class SizeCounter:
    """Counts the networks of candidates for samples of one shape."""

    def __init__(self, shape: ImageShape, metrics: Mapping[str, Metric]) -> None:
        self._shape = shape
        self._metrics = {name: metric for name, metric in metrics.items() if isinstance(metric, SizeMetric)}

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Totals of both networks, and the study's own sizes.

        Raises:
            ValueError: when a network cannot be built for this shape.
        """
        with torch.device("meta"):
            generator = candidate.generator.build(self._shape)
            discriminator = candidate.discriminator.build(self._shape)
        sizes: dict[str, float] = {}
        for role, network in (("generator", generator), ("discriminator", discriminator)):
            counts = count_parameters(network)
            sizes |= {f"{role}_params": counts.total, f"{role}_trainable": counts.trainable}
        latent = candidate.generator.latent
        return sizes | {name: metric.count(generator, discriminator, latent) for name, metric in self._metrics.items()}
