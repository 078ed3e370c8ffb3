"""What is to be expected of candidates: whether they come out healthy, how good, and what the front gains.

For a search that is after the front, the gain is the expected hypervolume improvement (Emmerich,
Giannakoglou and Naujoks 2006, "Single- and multiobjective evolutionary optimization assisted by
Gaussian random field metamodels") in the plane of log10 size and log quality. Since a size is known,
it is a sum of expected improvements of the quality, one for each step of the front. For one that is
after the smallest model within tolerance, it is the size that would be saved times the chance to be
within it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.stats import norm

from gansearch.domains import Scalar
from gansearch.ranking.pareto import Objective, pareto_front
from gansearch.search.bayesian.encoding import Encoding
from gansearch.search.bayesian.gaussian_process import (
    Array,
    GaussianProcess,
    Settings,
    fit_settings,
)
from gansearch.search.learning_curves import CurveExtrapolation, Forecast, HealthClassifier, cost
from gansearch.search.smallest_model import SmallestModelGoal
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

Observation = Sequence[tuple[TrialRecord, float, float]]
"""What is known of candidates, and how much doubt there is of each figure."""
HEALTH_NOISE = 0.25
"""Deviation by which 0 and 1 are thought to be uncertain as a chance."""
UNHEALTHY = 0.05
"""Chance of coming out healthy that even the least likely candidate is granted."""


@dataclass(frozen=True)
class Goal:
    """What the front of a study lies between."""

    size: Objective
    quality: Objective
    reference: Mapping[str, float]
    """The study's own reference point, where it states one."""
    min_healthy_trials: int
    """Healthy trials without which no run is foretold from a rung."""
    noise: float = 0.14
    """Relative standard deviation of the quality between two seeds of a candidate."""
    smallest: SmallestModelGoal | None = None
    """Where the search is after the smallest one alone."""

    @classmethod
    def of(
        cls, spec: StudySpec, axes: Sequence[Objective], smallest: SmallestModelGoal | None = None
    ) -> Goal:
        """That of a study of one size and one quality."""
        size, quality = sorted(axes, key=lambda axis: not axis.is_size)
        return cls(
            size,
            quality,
            spec.reference,
            spec.pruning.min_healthy_trials,
            spec.pruning.noise,
            smallest,
        )

    def outlook(self, records: Sequence[TrialRecord]) -> Acquisition | None:
        """What there is to gain; None while no trial is healthy."""
        front = HypervolumeImprovement.of(records, self)
        return (
            SizeReduction.of(front, records, self.smallest, self)
            if front and self.smallest
            else front
        )


class Acquisition(Protocol):
    """What a candidate must beat, and what is gained where it does."""

    @property
    def steps(self) -> tuple[tuple[float, float], ...]:
        """(log10 size, cost of quality) of each member of the front, the smallest first."""

    def level(self, size: float) -> float:
        """The cost to beat at a log10 size."""

    def gain(self, sizes: Array, means: Array, deviations: Array) -> Array:
        """What is expected (N,) of log10 sizes with costs of such means and deviations."""


@dataclass(frozen=True)
class HypervolumeImprovement:
    """The front in logarithms: the best quality that there is at no more than a size."""

    steps: tuple[tuple[float, float], ...]
    """(log10 size, cost of quality) of each member, the smallest first."""
    corner: tuple[float, float]
    """The reference: sizes and qualities beyond it are worth nothing."""

    @classmethod
    def of(cls, records: Sequence[TrialRecord], goal: Goal) -> HypervolumeImprovement | None:
        """None while no trial is healthy."""
        front = pareto_front(records, (goal.size, goal.quality), goal.reference)
        if front.reference is None:
            return None
        points = [(goal.size.value(record), goal.quality.value(record)) for record in front.trials]
        *steps, corner = (
            (math.log10(size), cost(goal.quality, quality))
            for size, quality in [*points, front.reference.values]
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
class SizeReduction:
    """The way down to the smallest model within tolerance: better than that is no better."""

    steps: tuple[tuple[float, float], ...]
    smallest: float
    """log10 of the size to beat."""
    limit: float
    """The worst cost that is within tolerance."""

    @classmethod
    def of(
        cls,
        front: HypervolumeImprovement,
        records: Sequence[TrialRecord],
        aim: SmallestModelGoal,
        goal: Goal,
    ) -> SizeReduction | None:
        """None without anything that the tolerance could be of."""
        limit = aim.limit(records)
        if limit is None:
            return None
        to_beat = aim.to_beat(records, goal.size, goal.quality, limit)
        return cls(front.steps, math.log10(to_beat), cost(goal.quality, limit))

    def level(self, size: float) -> float:
        return self.limit if size < self.smallest else -math.inf

    def gain(self, sizes: Array, means: Array, deviations: Array) -> Array:
        saved = np.clip(self.smallest - sizes, 0.0, None)
        gain: Array = saved * norm.cdf((self.limit - means) / deviations)
        return gain


@dataclass(frozen=True)
class TrainingSet:
    """What trials tell of their candidates."""

    costs: tuple[tuple[TrialRecord, float, float], ...]
    """Of those that came through, and as foretold of those that were set aside; with the doubt of the forecast."""
    health: tuple[tuple[TrialRecord, float, float], ...]
    """1 for those that came through, 0 for those that failed or ended suspect, of which there is no doubt; and the
    chance of those that were set aside, with the deviation that a chance has."""
    noise: float
    """Deviation of the cost between two seeds of a candidate."""
    aside: tuple[tuple[TrialRecord, Forecast], ...]
    """Those that were set aside and not taken up again."""
    prognosis: HealthClassifier

    @classmethod
    def of(cls, records: Sequence[TrialRecord], goal: Goal) -> TrainingSet:
        healthy = [record for record in records if record.state == "complete"]
        min_healthy_trials = CurveExtrapolation(goal.quality, healthy)
        aside = tuple(
            (record, min_healthy_trials.forecast(record.rungs))
            for record in records
            if record.state == "paused"
            and min_healthy_trials.known(record.rungs[-1].step) >= goal.min_healthy_trials
        )
        judged = [record for record in records if record.judged]
        prognosis = HealthClassifier(judged)
        foretold = [record for record, _ in aside if prognosis.foretells(record.rungs[-1])]
        chances = [(record, prognosis.chance(record.rungs[-1])) for record in foretold]
        return cls(
            (
                *(
                    (record, cost(goal.quality, goal.quality.value(record)), 0.0)
                    for record in healthy
                ),
                *((record, f.mean, f.deviation) for record, f in aside if math.isfinite(f.mean)),
            ),
            (
                *((record, float(record.state == "complete"), 0.0) for record in judged),
                *((record, chance, math.sqrt(chance * (1 - chance))) for record, chance in chances),
            ),
            math.log1p(goal.noise),
            aside,
            prognosis,
        )


@dataclass(frozen=True)
class SurrogateHyperparameters:
    """Settings of the two processes; None of one that has nothing to learn from yet."""

    cost: Settings | None
    health: Settings | None

    @classmethod
    def of(cls, evidence: TrainingSet, encode: Encoding) -> SurrogateHyperparameters:
        return cls(
            _learned(evidence.costs, evidence.noise, encode),
            _learned(evidence.health, HEALTH_NOISE, encode),
        )


class Surrogate:
    """Two Gaussian processes over the candidates: of the cost, and of the chance to come out healthy."""

    def __init__(
        self, evidence: TrainingSet, learned: SurrogateHyperparameters, encode: Encoding
    ) -> None:
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


def _learned(told: Observation, noise: float, encode: Encoding) -> Settings | None:
    """None where there are too few, or all are the same."""
    if len(told) < 3 or np.ptp([target for _, target, _ in told]) == 0:
        return None
    return fit_settings(*_data(told, encode), noise)


def _process(
    told: Observation, settings: Settings | None, encode: Encoding
) -> GaussianProcess | None:
    return None if settings is None else GaussianProcess(*_data(told, encode), settings)


def _data(told: Observation, encode: Encoding) -> tuple[Array, Array, Array]:
    """Inputs (N, D), targets (N,) and doubts (N,)."""
    records, targets, doubts = zip(*told, strict=True)
    return encode([record.parameters for record in records]), np.array(targets), np.array(doubts)
