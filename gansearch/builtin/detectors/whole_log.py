"""Base of detectors that judge a whole log at its end, by its losses alone."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import ClassVar

from gansearch.components import Detector, Watch
from gansearch.run_context import RunContext
from gansearch.signals import Row, Verdict

Log = Sequence[tuple[int, Row]]

LOSSES = ("d_loss", "d_loss_real", "d_loss_fake", "g_loss")
ACCURACIES = ("d_acc_real", "d_acc_fake")


class WholeLogDetector(Detector):
    """Keeps the signals that it needs, and judges them once the run has ended."""

    keeps: ClassVar[tuple[str, ...]]
    """Signals that `judge` is given."""

    def watch(self, context: RunContext | None = None) -> Watch:
        return _Recording(self)

    @abstractmethod
    def judge(self, log: Log) -> Verdict | None:
        """Return the verdict on all rows, None where nothing is wrong.

        Args:
            log: (step, signals) of every row; a row may lack signals.
        """


class _Recording:
    def __init__(self, detector: WholeLogDetector) -> None:
        self._detector = detector
        self._log: list[tuple[int, Row]] = []

    def observe(self, step: int, row: Row) -> Verdict | None:
        self._log.append((step, {k: row[k] for k in self._detector.keeps if k in row}))
        return None

    def conclude(self) -> Verdict | None:
        return self._detector.judge(self._log) if self._log else None


def mean_d_loss(row: Row) -> float | None:
    """Return the discriminator's loss, the mean over real and generated samples."""
    if "d_loss_real" in row and "d_loss_fake" in row:
        return (row["d_loss_real"] + row["d_loss_fake"]) / 2
    return row.get("d_loss")


def known(log: Log) -> list[tuple[int, float, float]]:
    """Return (step, D loss, G loss) of the rows that have both, and finite ones."""
    rows = ((step, mean_d_loss(row), row.get("g_loss")) for step, row in log)
    return [
        (step, d, g)
        for step, d, g in rows
        if d is not None and g is not None and math.isfinite(d) and math.isfinite(g)
    ]


def bin_medians(values: Sequence[float], bins: int) -> list[float]:
    """Return the medians of consecutive parts of equal length, or the values if they are few."""
    if len(values) <= bins:
        return list(values)
    edges = [round(i * len(values) / bins) for i in range(bins + 1)]
    return [median(values[a:b]) for a, b in pairwise(edges)]
