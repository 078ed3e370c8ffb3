"""Metrics: milliseconds in which the trained generator draws a batch."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from gansearch.components import CostMetric
from gansearch.evaluation.latency import median_latency


class _Latency(CostMetric):
    batch: ClassVar[int]

    def measure(self, generator: nn.Module, inputs: Tensor) -> float:
        # There may be fewer inputs: an autoencoder's are test samples.
        batch = inputs[torch.arange(self.batch) % len(inputs)]
        return median_latency(generator, batch)


class LatencyOf1(_Latency):
    """Median milliseconds in which the generator draws one sample."""

    batch = 1


class LatencyOf64(_Latency):
    """Median milliseconds in which the generator draws a batch of 64 samples."""

    batch = 64
