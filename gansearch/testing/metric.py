"""Tests of a metric."""

from __future__ import annotations

import math

import torch
from torch import nn

from gansearch.components import CostMetric, Metric, SampleMetric, SizeMetric
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.testing.component import ComponentContract
from gansearch.testing.dataset import sample_data


class MetricContract(ComponentContract):
    """Tests of a metric."""

    def test_has_a_direction(self, component: Metric) -> None:
        assert component.direction in ("minimize", "maximize")

    def test_measures_the_same_number_twice(self, component: Metric) -> None:
        if isinstance(component, CostMetric):  # a time differs from run to run
            assert 0 <= self.measure(component) < math.inf
            return
        figures = [self.measure(component) for _ in range(2)]
        assert isinstance(figures[0], (int, float))
        assert figures[0] == figures[1] or all(math.isnan(figure) for figure in figures)

    def measure(self, component: Metric) -> float:
        """Measure the metric on noise, or on small networks."""
        if isinstance(component, SampleMetric):
            torch.manual_seed(0)
            return component.measure(
                TrainedEvidence(sample_data(), torch.rand(64, 1, 28, 28) * 2 - 1)
            )
        if isinstance(component, CostMetric):
            network = nn.Sequential(nn.Linear(4, 784), nn.Unflatten(1, (1, 28, 28)))
            return component.measure(network, torch.rand(64, 4))
        assert isinstance(component, SizeMetric)
        with torch.device("meta"):
            generator = nn.Sequential(nn.Linear(4, 784), nn.Unflatten(1, (1, 28, 28)))
            discriminator = nn.Sequential(nn.Flatten(), nn.Linear(784, 1))
        return component.count(generator, discriminator, torch.empty(1, 4, device="meta"))
