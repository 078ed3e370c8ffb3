"""Counting a candidate without building it in memory."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import torch

from gansearch.builtin.metrics.sizes import (
    DiscriminatorMACs,
    GeneratorBytes,
    GeneratorMACs,
    count_parameters,
)
from gansearch.candidate import Candidate
from gansearch.components import ImageShape, Metric, SizeMetric

COSTS: Mapping[str, SizeMetric] = {
    "generator_macs": GeneratorMACs(),
    "generator_bytes": GeneratorBytes(),
    "discriminator_macs": DiscriminatorMACs(),
}
"""What every trial is counted by besides its parameters, whether or not the study asks."""


class SizeCounter:
    """Counts the networks of candidates for samples of one shape."""

    def __init__(self, shape: ImageShape, metrics: Mapping[str, Metric]) -> None:
        self._shape = shape
        self._metrics = {
            name: metric for name, metric in metrics.items() if isinstance(metric, SizeMetric)
        }
        self._known: dict[tuple[str, str], dict[str, float]] = {}

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Parameters and costs of both networks, and the study's own sizes.

        Each pair of networks is counted once: candidates may differ in how they are trained alone.

        Raises:
            ValueError: when a network cannot be built for this shape.
        """
        generator, discriminator = candidate.generator, candidate.discriminator
        pair = repr(generator), repr(discriminator)  # with the names of their classes
        if pair not in self._known:
            self._known[pair] = self._counted(candidate)
        return dict(self._known[pair])

    def _counted(self, candidate: Candidate) -> dict[str, float]:
        with torch.device("meta"):
            generator, discriminator = candidate.networks(self._shape)
            inputs = torch.empty(1, *candidate.generator.input_shape(self._shape))
        sizes: dict[str, float] = {}
        for role, network in (("generator", generator), ("discriminator", discriminator)):
            counts = count_parameters(network)
            sizes |= {f"{role}_params": counts.total, f"{role}_trainable": counts.trainable}
            sizes[f"{role}_non_trainable"] = counts.non_trainable
        for name, metric in COSTS.items():
            # A network that looks at values has no pass without memory; its parameters are counted all the same.
            with suppress(NotImplementedError, RuntimeError):
                sizes[name] = metric.count(generator, discriminator, inputs)
        return sizes | {
            name: metric.count(generator, discriminator, inputs)
            for name, metric in self._metrics.items()
        }
