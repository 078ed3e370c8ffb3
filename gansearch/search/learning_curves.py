"""Forecasts: what a run may still come to, by what became of others that were where it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pvariance

from gansearch.ranking.pareto import Objective
from gansearch.trial_record import Rung, TrialRecord

USUAL_SPREAD = 0.25
"""Standard deviation, in logarithms, of the improvements of different runs from one rung: 0.13 near the end of a
training to 0.29 in its first half, in the table of benchmarks/tabular. Counts as much as three runs."""

USUAL_SIGN_SPREAD = 0.5
"""Standard deviation of the logarithm of the coverage among runs of a kind, there too; counts as three runs."""
CHANCE_COVERAGE = 0.003
"""Of a thousand real samples about three are covered by noise."""
MOST = 5.0
"""The largest shift of the logarithm of the odds: about 150 to 1."""


@dataclass(frozen=True)
class Forecast:
    """The cost with which a run will end: the logarithm of its quality, turned so that less is better."""

    mean: float
    deviation: float
    reach: float
    """The best that it could come to, by the largest improvement known."""


class CurveExtrapolation:
    """Healthy trials by which others are foretold, in one quality."""

    def __init__(self, axis: Objective, healthy: Sequence[TrialRecord]) -> None:
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

    def of(self, healthy: Sequence[TrialRecord]) -> CurveExtrapolation:
        """Those of these trials: the same, having learned of the new ones, where they begin with those known before."""
        known = len(self._healthy)
        if list(healthy[:known]) != self._healthy:
            return CurveExtrapolation(self.axis, healthy)
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


class HealthClassifier:
    """Foretells which runs will come out healthy, by how much of the data they cover at a rung.

    Those that will collapse cover less than others long before any detector can be sure of it: in the table of
    benchmarks/tabular a run that ends well covers more than one that fails with a chance of 0.88 after 100 of 1,500
    steps, of 0.93 after 200 and of 0.98 after 500. So the coverage shifts the odds, by a linear discriminant on its
    logarithm; how far is learned from the trials of the study alone.
    """

    def __init__(self, judged: Sequence[TrialRecord]) -> None:
        self._seen: dict[int, tuple[list[float], list[float]]] = {}
        for record in judged:
            for rung in record.rungs:
                if math.isfinite(sign := _sign(rung)):
                    self._seen.setdefault(rung.step, ([], []))[record.state == "complete"].append(
                        sign
                    )

    def foretells(self, rung: Rung) -> bool:
        """Whether there is anything to go by: its coverage, and that of healthy and of failed runs at the same step."""
        return all(self._seen.get(rung.step, ((), ()))) and math.isfinite(_sign(rung))

    def chance(self, rung: Rung, before: float | None = None) -> float:
        """The chance of a run at a rung to come out healthy.

        Args:
            rung: the last that it has reached.
            before: the chance by what else is known of its candidate; without it, that of any run.
        """
        failed, healthy = self._seen.get(rung.step, ([], []))
        if before is None:
            before = (len(healthy) + 1) / (len(healthy) + len(failed) + 2)
        if not self.foretells(rung):
            return before
        squares = (
            len(failed) * pvariance(failed)
            + len(healthy) * pvariance(healthy)
            + 3 * USUAL_SIGN_SPREAD**2
        )
        variance = squares / (len(failed) + len(healthy) + 3)
        # From two of a kind little can be learned.
        fewest = min(len(failed), len(healthy))
        apart = max(0.0, fmean(healthy) - fmean(failed)) * fewest / (fewest + 2)
        shift = apart / variance * (_sign(rung) - (fmean(healthy) + fmean(failed)) / 2)
        return 1 / (1 + (1 - before) / before * math.exp(-max(-MOST, min(MOST, shift))))


def _sign(rung: Rung) -> float:
    """The logarithm of the coverage, NaN where it was not measured; below chance level all are alike."""
    return math.log(rung.metrics.get("coverage", math.nan) + CHANCE_COVERAGE)


def cost(axis: Objective, value: float) -> float:
    """The logarithm of a quality, turned so that less is better; infinite where there is none.

    Improvements and the noise between seeds are shares of a quality, so its logarithm is what adds up.
    """
    if not math.isfinite(value):
        return math.inf
    logarithm = math.log(max(value, 1e-12))
    return logarithm if axis.direction == "minimize" else -logarithm


def quality(axis: Objective, cost: float) -> float:
    """The quality of a cost."""
    return math.exp(cost if axis.direction == "minimize" else -cost)
