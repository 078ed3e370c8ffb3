"""Forecasts: what a run may still come to, by how far others have improved from where it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pvariance

from gansearch.ranking.front import Axis
from gansearch.storage.trials import TrialRecord
from gansearch.trial import Rung

USUAL_SPREAD = 0.25
"""Standard deviation, in logarithms, of the improvements of different runs from one rung: 0.13 near the end of a
training to 0.29 in its first half, in the table of benchmarks/tabular. Counts as much as three runs."""


@dataclass(frozen=True)
class Forecast:
    """The cost with which a run will end: the logarithm of its quality, turned so that less is better."""

    mean: float
    deviation: float
    reach: float
    """The best that it could come to, by the largest improvement known."""


class Precedents:
    """Healthy trials by which others are foretold, in one quality."""

    def __init__(self, axis: Axis, healthy: Sequence[TrialRecord]) -> None:
        self.axis = axis
        self._gains: dict[int, list[float]] = {}
        self._healthy: list[TrialRecord] = []
        self._learn(healthy)

    def _learn(self, healthy: Sequence[TrialRecord]) -> None:
        self._healthy += healthy
        for record in healthy:
            final = cost(self.axis, self.axis.value(record))
            for rung in record.rungs:
                gain = cost(self.axis, rung.metrics.get(self.axis.metric, math.nan)) - final
                if math.isfinite(gain):
                    self._gains.setdefault(rung.step, []).append(gain)

    def of(self, healthy: Sequence[TrialRecord]) -> Precedents:
        """Those of these trials: the same, having learned of the new ones, where they begin with those known before."""
        known = len(self._healthy)
        if list(healthy[:known]) != self._healthy:
            return Precedents(self.axis, healthy)
        self._learn(healthy[known:])
        return self

    def known(self, step: int) -> int:
        """How many there are for a rung."""
        return len(self._gains.get(step, ()))

    def forecast(self, rungs: Sequence[Rung]) -> Forecast:
        """Of a run that has reached these rungs, the last of which there must be precedents for.

        It goes by the best that the run has been: from rung to rung a GAN's samples get better and worse.
        """
        gains = self._gains[rungs[-1].step]
        best = min(cost(self.axis, rung.metrics.get(self.axis.metric, math.nan)) for rung in rungs)
        spread = (len(gains) * pvariance(gains) + 3 * USUAL_SPREAD**2) / (len(gains) + 3)
        return Forecast(best - fmean(gains), math.sqrt(spread), best - max(0.0, *gains))


def cost(axis: Axis, value: float) -> float:
    """The logarithm of a quality, turned so that less is better; infinite where there is none.

    Improvements and the noise between seeds are shares of a quality, so its logarithm is what adds up.
    """
    if not math.isfinite(value):
        return math.inf
    logarithm = math.log(max(value, 1e-12))
    return logarithm if axis.direction == "minimize" else -logarithm


def quality(axis: Axis, cost: float) -> float:
    """The quality of a cost."""
    return math.exp(cost if axis.direction == "minimize" else -cost)
