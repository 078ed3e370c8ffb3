"""Signals on their way from the device: kept there, and read all at once every few steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

PREDICTION_BINS = 20


class Histogram(NamedTuple):
    """How many predictions of a step fell into each part of [0, 1]."""

    step: int
    kind: str
    """Of the samples: real or fake."""
    counts: list[int]


class Signals(NamedTuple):
    """What a step tells, still on the device."""

    row: Mapping[str, Tensor]
    """Scalars by name."""
    counts: Sequence[tuple[str, Tensor]]
    """Histograms (PREDICTION_BINS,) of the predictions, by the kind of sample that they are of."""


class Recorder:
    """Collects the signals of the step under way, and of those that are not read yet."""

    def __init__(self) -> None:
        self._rows: list[Mapping[str, Tensor]] = []
        self._predictions: list[tuple[int, str, Tensor]] = []
        self._open: dict[str, Tensor] = {}
        self._open_counts: list[tuple[str, Tensor]] = []

    def add(self, signals: Mapping[str, Tensor]) -> None:
        """Add to the step under way; of several updates of one network the last one counts."""
        self._open.update(signals)

    def add_predictions(self, predictions: Mapping[str, Tensor]) -> None:
        """Count probabilities (N,), by the kind of sample that they are of, into a histogram of the step under way."""
        for kind, values in predictions.items():
            self._open_counts.append(
                (kind, torch.histc(values, bins=PREDICTION_BINS, min=0.0, max=1.0))
            )

    def close_step(self) -> Signals:
        """End the step under way, and give what it tells."""
        real, fake = self._open.pop("dominance_real", None), self._open.pop("dominance_fake", None)
        if real is not None and fake is not None:
            self._open["dominance"] = real + fake
        signals = Signals(self._open, self._open_counts)
        self._open, self._open_counts = {}, []
        return signals

    def keep(self, step: int, signals: Signals) -> None:
        """Take what a step tells, until it is read."""
        self._rows.append(signals.row)
        self._predictions += [(step, kind, counts) for kind, counts in signals.counts]

    def read(self) -> list[dict[str, float]]:
        """The rows since the last reading, on the host: the one place where the loop waits for the device."""
        rows, self._rows = self._rows, []
        tensors = [tensor for row in rows for tensor in row.values()]
        values = iter(torch.stack(tensors).tolist() if tensors else [])
        return [{name: next(values) for name in row} for row in rows]

    def read_predictions(self) -> list[Histogram]:
        """The histograms since the last reading, on the host."""
        taken, self._predictions = self._predictions, []
        return [Histogram(step, kind, counts.int().tolist()) for step, kind, counts in taken]


def mean_pair_distance(samples: Tensor) -> Tensor:
    """Mean Euclidean distance, a scalar, between all pairs of samples (N, ...)."""
    return torch.pdist(samples.detach().flatten(1).float()).mean()
