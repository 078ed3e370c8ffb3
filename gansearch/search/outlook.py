"""What is to be expected of candidates: whether they come out healthy, how good, and what the front gains.

The gain is the expected hypervolume improvement (Emmerich, Giannakoglou and Naujoks 2006,
"Single- and multiobjective evolutionary optimization assisted by Gaussian random field metamodels")
in the plane of log10 size and log quality. Since a size is known, it is a sum of expected
improvements of the quality, one for each step of the front.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from gansearch.domains import Scalar
from gansearch.ranking.front import Axis, pareto_front
from gansearch.search.encoding import Encoding
from gansearch.search.forecast import Forecast, Precedents, cost
from gansearch.search.surrogate import Array, GaussianProcess, Settings, fit_settings
from gansearch.storage.trials import TrialRecord
from gansearch.study import StudySpec

UNHEALTHY = 0.05
"""Chance of coming out healthy that even the least likely candidate is granted."""


@dataclass(frozen=True)
class Goal:
    """What the front of a study lies between."""

    size: Axis
    quality: Axis
    reference: Mapping[str, float]
    """The study's own reference point, where it states one."""
    precedents: int
    """Healthy trials without which no run is foretold from a rung."""

    @classmethod
    def of(cls, spec: StudySpec, axes: Sequence[Axis]) -> Goal:
        """That of a study of one size and one quality."""
        size, quality = sorted(axes, key=lambda axis: not axis.is_size)
        return cls(size, quality, spec.reference, spec.pruning.precedents)


@dataclass(frozen=True)
class Staircase:
    """The front in logarithms: the best quality that there is at no more than a size."""

    steps: tuple[tuple[float, float], ...]
    """(log10 size, cost of quality) of each member, the smallest first."""
    corner: tuple[float, float]
    """The reference: sizes and qualities beyond it are worth nothing."""

    @classmethod
    def of(cls, records: Sequence[TrialRecord], goal: Goal) -> Staircase | None:
        """None while no trial is healthy."""
        front = pareto_front(records, (goal.size, goal.quality), goal.reference)
        if front.reference is None:
            return None
        points = [(goal.size.value(record), goal.quality.value(record)) for record in front.trials]
        *steps, corner = (
            (math.log10(size), cost(goal.quality, quality)) for size, quality in [*points, front.reference.values]
        )
        return cls(tuple(sorted(steps)), corner)

    def level(self, size: float) -> float:
        """The cost to beat at a log10 size."""
        return min([self.corner[1], *(quality for other, quality in self.steps if other <= size)])

    def gain(self, sizes: Array, means: Array, deviations: Array) -> Array:
        """Expected hypervolume improvement (N,) of log10 sizes with costs of such means and deviations."""
        gain = np.zeros(len(sizes))
        edges = [-math.inf, *(size for size, _ in self.steps), self.corner[0]]
        for low, high in itertools.pairwise(edges):
            width = np.clip(min(high, self.corner[0]) - np.maximum(low, sizes), 0.0, None)
            level = self.level(low)
            scaled = (level - means) / deviations
            gain += width * ((level - means) * norm.cdf(scaled) + deviations * norm.pdf(scaled))
        return gain


@dataclass(frozen=True)
class Evidence:
    """What trials tell of their candidates."""

    costs: tuple[tuple[TrialRecord, float], ...]
    """Of those that came through, and as foretold of those that were set aside."""
    health: tuple[tuple[TrialRecord, float], ...]
    """1 for those that came through, 0 for those that failed or ended suspect."""
    aside: tuple[tuple[TrialRecord, Forecast], ...]
    """Those that were set aside and not taken up again."""

    @classmethod
    def of(cls, records: Sequence[TrialRecord], goal: Goal) -> Evidence:
        healthy = [record for record in records if record.state == "complete"]
        precedents = Precedents(goal.quality, healthy)
        aside = tuple(
            (record, precedents.forecast(record.rungs))
            for record in records
            if record.outdone_by and not record.retried and precedents.known(record.rungs[-1].step) >= goal.precedents
        )
        judged = [r for r in records if r.state in ("complete", "pruned") and not (r.rejected or r.outdone_by)]
        return cls(
            (
                *((record, cost(goal.quality, goal.quality.value(record))) for record in healthy),
                *((record, forecast.mean) for record, forecast in aside if math.isfinite(forecast.mean)),
            ),
            tuple((record, float(record.state == "complete")) for record in judged),
            aside,
        )


@dataclass(frozen=True)
class Learned:
    """Settings of the two processes; None of one that has nothing to learn from yet."""

    cost: Settings | None
    health: Settings | None

    @classmethod
    def of(cls, evidence: Evidence, encode: Encoding) -> Learned:
        return cls(_learned(evidence.costs, encode), _learned(evidence.health, encode))


class Expectations:
    """Two Gaussian processes over the candidates: of the cost, and of the chance to come out healthy."""

    def __init__(self, evidence: Evidence, learned: Learned, encode: Encoding) -> None:
        self._encode = encode
        self._cost = _process(evidence.costs, learned.cost, encode)
        self._health = _process(evidence.health, learned.health, encode)

    def costs(self, candidates: Sequence[Mapping[str, Scalar]]) -> tuple[Array, Array] | None:
        """Means and deviations (N,); None while too little is known."""
        return None if self._cost is None else self._cost.predict(self._encode(candidates))

    def healthy(self, candidates: Sequence[Mapping[str, Scalar]]) -> Array:
        """Chances (N,)."""
        if self._health is None:
            return np.ones(len(candidates))
        return np.clip(self._health.predict(self._encode(candidates))[0], UNHEALTHY, 1.0)


def _learned(told: Sequence[tuple[TrialRecord, float]], encode: Encoding) -> Settings | None:
    """None where there are too few, or all are the same."""
    targets = np.array([target for _, target in told])
    if len(targets) < 3 or np.ptp(targets) == 0:
        return None
    return fit_settings(encode([record.parameters for record, _ in told]), targets)


def _process(
    told: Sequence[tuple[TrialRecord, float]], settings: Settings | None, encode: Encoding
) -> GaussianProcess | None:
    if settings is None:
        return None
    targets = np.array([target for _, target in told])
    return GaussianProcess(encode([record.parameters for record, _ in told]), targets, settings)
