"""Learning-curve extrapolation: the final quality and health of a run, from its rungs so far.

| symbol | code | meaning |
|---|---|---|
| c = log q | `cost(...)` | cost of a quality q, with its sign set so that less is better |
| c_s | `rung_cost` | cost measured at the rung of step s |
| g = c_s - c_final | `gains` | improvement of a healthy run from step s to its end |
| c_best - mean(g) | `Forecast.mean` | predicted final cost |
| (n var(g) + 3 s0^2) / (n + 3) | `variance` | variance of g over n runs, with a prior s0 |
| x = log(coverage + c0) | `_log_coverage(...)` | evidence of health at a rung |
| (m1 - m0) / v (x - (m1 + m0) / 2) | `shift` | shift of the log odds of health |

m1 and m0 are the means of x over healthy and failed runs, v is their pooled variance: linear
discriminant analysis, Fisher 1936, "The use of multiple measurements in taxonomic problems".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from gansearch.ranking.pareto import Objective
from gansearch.trial_record import Rung, TrialRecord

PRIOR_RUNS = 3
"""Number of runs that a prior standard deviation counts as much as."""
GAIN_STD = 0.25
"""Prior standard deviation of the improvements of different runs from one rung to the end.

In the table of benchmarks/tabular it is 0.13 near the end of a training and 0.29 in its first half.
"""
LOG_COVERAGE_STD = 0.5
"""Prior standard deviation of the log coverage within healthy or failed runs, from that table."""
CHANCE_COVERAGE = 0.003
"""Coverage by noise: it covers about three of a thousand real samples."""
MAX_LOG_ODDS_SHIFT = 5.0
"""Largest shift of the log odds of health by one rung: odds of about 150 to 1."""


@dataclass(frozen=True)
class Forecast:
    """Predicted cost at the end of a run: the log of its quality, less is better."""

    mean: float
    std: float
    best_case: float
    """Cost after the largest improvement that any run of the study has made."""


class CurveExtrapolation:
    """Extrapolation of one quality, learned from the improvements of healthy trials."""

    def __init__(self, objective: Objective, healthy: Sequence[TrialRecord]) -> None:
        self.objective = objective
        self._gains: dict[int, list[float]] = {}
        self._healthy: list[TrialRecord] = []
        self._learn(healthy)

    def _learn(self, healthy: Sequence[TrialRecord]) -> None:
        self._healthy += healthy
        for record in healthy:
            final = cost(self.objective, self.objective.value(record))
            for rung in record.rungs:
                gain = self._rung_cost(rung) - final
                if math.isfinite(gain):
                    self._gains.setdefault(rung.step, []).append(gain)

    def _rung_cost(self, rung: Rung) -> float:
        return cost(self.objective, rung.metrics.get(self.objective.metric, math.nan))

    def updated(self, healthy: Sequence[TrialRecord]) -> CurveExtrapolation:
        """Return the extrapolation learned from these trials.

        It is this object, updated, where `healthy` begins with the trials already learned from.
        """
        known = len(self._healthy)
        if list(healthy[:known]) != self._healthy:
            return CurveExtrapolation(self.objective, healthy)
        self._learn(healthy[known:])
        return self

    def runs_at(self, step: int) -> int:
        """Return the number of healthy runs that were measured at a rung."""
        return len(self._gains.get(step, ()))

    def forecast(self, rungs: Sequence[Rung]) -> Forecast:
        """Predict the final cost of a run from its rungs; some run must have been at the last one.

        The prediction starts from the best rung so far, since the samples of a GAN get better and
        worse from rung to rung.
        """
        gains = self._gains[rungs[-1].step]
        best = min(map(self._rung_cost, rungs))
        squares = _squares(gains) + PRIOR_RUNS * GAIN_STD**2
        std = math.sqrt(squares / (len(gains) + PRIOR_RUNS))
        return Forecast(best - fmean(gains), std, best - max(0.0, *gains))


class HealthClassifier:
    """Probability that a run will end healthy, from the coverage of its samples at a rung.

    Runs that will collapse cover less long before a detector can be sure: in the table of
    benchmarks/tabular a healthy run covers more than a failed one with probability 0.88 after 100
    of 1,500 steps, 0.93 after 200 and 0.98 after 500. So coverage shifts the log odds of health, by
    a linear discriminant on its logarithm that is learned from the trials of the study alone.
    """

    def __init__(self, judged: Sequence[TrialRecord]) -> None:
        self._failed: dict[int, list[float]] = {}
        self._healthy: dict[int, list[float]] = {}
        for record in judged:
            by_step = self._healthy if record.state == "complete" else self._failed
            for rung in record.rungs:
                if math.isfinite(log_coverage := _log_coverage(rung)):
                    by_step.setdefault(rung.step, []).append(log_coverage)

    def is_informative(self, rung: Rung) -> bool:
        """Return True if the rung has a coverage, and healthy and failed runs had one there."""
        both = rung.step in self._failed and rung.step in self._healthy
        return both and math.isfinite(_log_coverage(rung))

    def probability(self, rung: Rung, prior: float | None = None) -> float:
        """Return the probability that a run at a rung will end healthy.

        Args:
            rung: the last rung that the run has reached.
            prior: the probability without this rung; by default the share of healthy runs there.
        """
        failed, healthy = self._failed.get(rung.step, []), self._healthy.get(rung.step, [])
        if prior is None:
            prior = (len(healthy) + 1) / (len(healthy) + len(failed) + 2)
        if not self.is_informative(rung):
            return prior
        squares = _squares(failed) + _squares(healthy) + PRIOR_RUNS * LOG_COVERAGE_STD**2
        variance = squares / (len(failed) + len(healthy) + PRIOR_RUNS)
        # The difference of the means is shrunk: two runs of a kind say little.
        fewest = min(len(failed), len(healthy))
        difference = max(0.0, fmean(healthy) - fmean(failed)) * fewest / (fewest + 2)
        middle = (fmean(healthy) + fmean(failed)) / 2
        shift = difference / variance * (_log_coverage(rung) - middle)
        shift = max(-MAX_LOG_ODDS_SHIFT, min(MAX_LOG_ODDS_SHIFT, shift))
        return 1 / (1 + (1 - prior) / prior * math.exp(-shift))


def _squares(values: Sequence[float]) -> float:
    """Return the sum of squared distances to the mean; statistics.pvariance is 25 times slower."""
    mean = fmean(values)
    return math.fsum((value - mean) ** 2 for value in values)


def _log_coverage(rung: Rung) -> float:
    """Return the log coverage, NaN where it was not measured; flat below the coverage by noise."""
    return math.log(rung.metrics.get("coverage", math.nan) + CHANCE_COVERAGE)


def cost(objective: Objective, value: float) -> float:
    """Return the log of a quality, with its sign set so that less is better; infinite for NaN.

    Improvements and the noise between seeds are proportional to a quality, so they add up in its
    log.
    """
    if not math.isfinite(value):
        return math.inf
    logarithm = math.log(max(value, 1e-12))
    return logarithm if objective.direction == "minimize" else -logarithm


def quality(objective: Objective, cost: float) -> float:
    """Return the quality of a cost; the inverse of `cost`."""
    return math.exp(cost if objective.direction == "minimize" else -cost)
