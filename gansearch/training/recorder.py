"""Recorder of training signals: kept on the device and read all at once every few steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

PREDICTION_BINS = 20


class Histogram(NamedTuple):
    """Histogram over [0, 1] of the discriminator's predictions at one step."""

    step: int
    kind: str
    """Kind of the samples: `real` or `fake`."""
    counts: list[int]


class StepSignals(NamedTuple):
    """Signals of one step, still on the device."""

    row: Mapping[str, Tensor]
    """Scalars by name."""
    counts: Sequence[tuple[str, Tensor]]
    """Histograms (PREDICTION_BINS,) of the predictions, with the kind of the samples."""


class Recorder:
    """Signals of the current step, and of the steps that have not been read yet."""

    def __init__(self) -> None:
        self._rows: list[Mapping[str, Tensor]] = []
        self._predictions: list[tuple[int, str, Tensor]] = []
        self._current: dict[str, Tensor] = {}
        self._current_counts: list[tuple[str, Tensor]] = []

    def add(self, signals: Mapping[str, Tensor]) -> None:
        """Add scalars to the current step; a later update of one network overwrites an earlier."""
        self._current.update(signals)

    def add_predictions(self, predictions: Mapping[str, Tensor]) -> None:
        """Add histograms of probabilities (N,), by kind of sample, to the current step."""
        for kind, values in predictions.items():
            counts = torch.histc(values, bins=PREDICTION_BINS, min=0.0, max=1.0)
            self._current_counts.append((kind, counts))

    def end_step(self) -> StepSignals:
        """End the current step and return its signals."""
        real = self._current.pop("dominance_real", None)
        fake = self._current.pop("dominance_fake", None)
        if real is not None and fake is not None:
            self._current["dominance"] = real + fake
        signals = StepSignals(self._current, self._current_counts)
        self._current, self._current_counts = {}, []
        return signals

    def keep(self, step: int, signals: StepSignals) -> None:
        """Keep a step's signals until they are read."""
        self._rows.append(signals.row)
        self._predictions += [(step, kind, counts) for kind, counts in signals.counts]

    def read(self) -> list[dict[str, float]]:
        """Return the rows since the last read; only here does the loop wait for the device."""
        rows, self._rows = self._rows, []
        tensors = [tensor for row in rows for tensor in row.values()]
        values = iter(torch.stack(tensors).tolist() if tensors else [])
        return [{name: next(values) for name in row} for row in rows]

    def read_predictions(self) -> list[Histogram]:
        """Return the histograms since the last read."""
        predictions, self._predictions = self._predictions, []
        return [Histogram(step, kind, counts.int().tolist()) for step, kind, counts in predictions]


def mean_pair_distance(samples: Tensor) -> Tensor:
    """Return the mean Euclidean distance, a scalar, between all pairs of samples (N, ...)."""
    return torch.pdist(samples.detach().flatten(1).float()).mean()
