"""Acquisition functions of the `shrink` sampler: expected gain of a candidate times P(healthy).

| symbol | code | meaning |
|---|---|---|
| x | `log_size` | log10 of a candidate's size, known before training |
| c | `cost` | log of its quality, less is better; predicted as normal(`mean`, `std`) |
| L(x) | `level(x)` | cost to beat at size x: the best one of the front at no larger size |
| z = (L - m) / s | `z` | margin by which the predicted cost beats L |
| EI(L) = (L - m) Phi(z) + s phi(z) | `gain(...)` | expected improvement of a cost |
| EHVI = sum of width_i EI(L_i) | `HypervolumeImprovement.gain` | over the steps i of the front |
| (x* - x)+ P(c <= limit) | `SizeReduction.gain` | size saved below the size to beat x* |

Since a size is known, the expected hypervolume improvement in the plane of log size and log quality
is a sum of one-dimensional expected improvements, one a step of the front. Sources: Emmerich,
Giannakoglou and Naujoks 2006, "Single- and multiobjective evolutionary optimization assisted by
Gaussian random field metamodels"; Jones et al. 1998, "Efficient Global Optimization of Expensive
Black-Box Functions", for the expected improvement.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from scipy.stats import norm

from gansearch.domains import Scalar
from gansearch.ranking.pareto import Objective, pareto_front
from gansearch.search.bayesian.encoding import Encoding
from gansearch.search.bayesian.gaussian_process import (
    Array,
    GaussianProcess,
    Hyperparameters,
    fit_hyperparameters,
)
from gansearch.search.learning_curves import CurveExtrapolation, Forecast, HealthClassifier, cost
from gansearch.search.smallest_model import SmallestModelGoal
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

HEALTH_NOISE_STD = 0.25
"""Prior noise of the health process, whose targets are 0 for failed and 1 for healthy."""
MIN_HEALTHY = 0.05
"""Lower bound of the predicted probability of health."""
MIN_OBSERVATIONS = 3
"""Observations below which no hyperparameters are fitted."""


@dataclass(frozen=True)
class Goal:
    """Objectives that the search optimises, and what it knows of them beforehand."""

    size: Objective
    quality: Objective
    reference: Mapping[str, float]
    """Reference point that the study states, by metric."""
    min_healthy_trials: int
    """Healthy trials below which no run is extrapolated from a rung."""
    noise: float = 0.14
    """Relative standard deviation of the quality between two seeds of a candidate."""
    smallest: SmallestModelGoal | None = None
    """Goal of a search for the smallest model within tolerance; None for one of the whole front."""

    @classmethod
    def of(
        cls,
        spec: StudySpec,
        objectives: Sequence[Objective],
        smallest: SmallestModelGoal | None = None,
    ) -> Goal:
        """Return the goal of a study of one size and one quality."""
        size, quality = sorted(objectives, key=lambda objective: not objective.is_size)
        return cls(
            size,
            quality,
            spec.reference,
            spec.pruning.min_healthy_trials,
            spec.pruning.noise,
            smallest,
        )

    def log_size(self, record: TrialRecord) -> float:
        """Return log10 of a trial's size."""
        return math.log10(self.size.value(record))

    def acquisition(self, records: Sequence[TrialRecord]) -> Acquisition | None:
        """Return the acquisition function given these trials; None while no trial is healthy."""
        improvement = HypervolumeImprovement.of(records, self)
        if improvement is None or self.smallest is None:
            return improvement
        return SizeReduction.of(improvement, records, self.smallest, self)


class Acquisition(Protocol):
    """Gain that a candidate of known size and predicted cost is expected to bring."""

    @property
    def steps(self) -> tuple[tuple[float, float], ...]:
        """(log10 size, cost) of each trial of the front, from the smallest to the largest."""

    def level(self, log_size: float) -> float:
        """Return the cost to beat at a size."""

    def gain(self, log_sizes: Array, means: Array, stds: Array) -> Array:
        """Return the expected gains (N,) of sizes whose costs have these means and deviations."""


@dataclass(frozen=True)
class HypervolumeImprovement:
    """Expected hypervolume improvement of the front, in log10 size times log quality."""

    steps: tuple[tuple[float, float], ...]
    """(log10 size, cost) of each trial of the front, from the smallest to the largest."""
    corner: tuple[float, float]
    """Reference point; larger sizes and costs add no volume."""

    @classmethod
    def of(cls, records: Sequence[TrialRecord], goal: Goal) -> HypervolumeImprovement | None:
        """Return the improvement of the front of these trials; None while no trial is healthy."""
        front = pareto_front(records, (goal.size, goal.quality), goal.reference)
        if front.reference is None:
            return None
        points = [(goal.size.value(record), goal.quality.value(record)) for record in front.trials]
        *steps, corner = (
            (math.log10(size), cost(goal.quality, quality))
            for size, quality in [*points, front.reference.values]
        )
        return cls(tuple(sorted(steps)), corner)

    def level(self, log_size: float) -> float:
        """Return the best cost of the front at no larger size."""
        return min([self.corner[1], *(cost for size, cost in self.steps if size <= log_size)])

    def gain(self, log_sizes: Array, means: Array, stds: Array) -> Array:
        """Return the expected hypervolume improvements (N,)."""
        gain = np.zeros(len(log_sizes))
        edges = [-math.inf, *(size for size, _ in self.steps), self.corner[0]]
        for low, high in itertools.pairwise(edges):
            width = np.clip(min(high, self.corner[0]) - np.maximum(low, log_sizes), 0.0, None)
            level = self.level(low)
            z = (level - means) / stds
            gain += width * ((level - means) * norm.cdf(z) + stds * norm.pdf(z))
        return gain


@dataclass(frozen=True)
class SizeReduction:
    """Expected reduction of the smallest size within tolerance; a better quality gains nothing."""

    steps: tuple[tuple[float, float], ...]
    smallest: float
    """log10 of the size to beat."""
    limit: float
    """Worst cost within tolerance."""

    @classmethod
    def of(
        cls,
        improvement: HypervolumeImprovement,
        records: Sequence[TrialRecord],
        smallest: SmallestModelGoal,
        goal: Goal,
    ) -> SizeReduction | None:
        """Return the reduction given these trials; None without a reference for the tolerance."""
        limit = smallest.quality_limit(records)
        if limit is None:
            return None
        size = smallest.size_to_beat(records, goal.size, goal.quality, limit)
        return cls(improvement.steps, math.log10(size), cost(goal.quality, limit))

    def level(self, log_size: float) -> float:
        return self.limit if log_size < self.smallest else -math.inf

    def gain(self, log_sizes: Array, means: Array, stds: Array) -> Array:
        reduction = np.clip(self.smallest - log_sizes, 0.0, None)
        gain: Array = reduction * norm.cdf((self.limit - means) / stds)
        return gain


class Observation(NamedTuple):
    """Target of a Gaussian process at a trial's parameters."""

    record: TrialRecord
    target: float
    std: float
    """Standard deviation of this target on top of the noise; 0 where it was measured."""


@dataclass(frozen=True)
class TrainingSet:
    """Observations of the surrogate, from complete, failed and paused trials."""

    costs: tuple[Observation, ...]
    """Measured costs of healthy trials, and extrapolated ones of paused trials."""
    health: tuple[Observation, ...]
    """1 for healthy and 0 for failed or suspect trials; a probability for paused ones."""
    noise_std: float
    """Standard deviation of the cost between two seeds of a candidate."""
    paused: tuple[tuple[TrialRecord, Forecast], ...]
    """Paused trials at rungs from which enough healthy trials went on, with their forecasts."""
    classifier: HealthClassifier

    @classmethod
    def of(cls, records: Sequence[TrialRecord], goal: Goal) -> TrainingSet:
        """Collect the observations from a study's trials."""
        healthy = [record for record in records if record.state == "complete"]
        extrapolation = CurveExtrapolation(goal.quality, healthy)
        paused = tuple(
            (record, extrapolation.forecast(record.rungs))
            for record in records
            if record.state == "paused"
            and extrapolation.runs_at(record.rungs[-1].step) >= goal.min_healthy_trials
        )
        costs = [
            Observation(record, cost(goal.quality, goal.quality.value(record)), 0.0)
            for record in healthy
        ]
        costs += [
            Observation(record, forecast.mean, forecast.std)
            for record, forecast in paused
            if math.isfinite(forecast.mean)
        ]
        judged = [record for record in records if record.judged]
        classifier = HealthClassifier(judged)
        health = [Observation(record, float(record.state == "complete"), 0.0) for record in judged]
        for record, _ in paused:
            if classifier.is_informative(record.rungs[-1]):
                p = classifier.probability(record.rungs[-1])
                health.append(Observation(record, p, math.sqrt(p * (1 - p))))
        return cls(tuple(costs), tuple(health), math.log1p(goal.noise), paused, classifier)


@dataclass(frozen=True)
class SurrogateHyperparameters:
    """Hyperparameters of both processes; None of one with too few observations."""

    cost: Hyperparameters | None
    health: Hyperparameters | None

    @classmethod
    def of(cls, training: TrainingSet, encode: Encoding) -> SurrogateHyperparameters:
        """Fit the hyperparameters to a training set."""
        return cls(
            _fit(training.costs, training.noise_std, encode),
            _fit(training.health, HEALTH_NOISE_STD, encode),
        )


class Surrogate:
    """Two Gaussian processes over the candidates: one of the cost, one of the health."""

    def __init__(
        self, training: TrainingSet, hyperparameters: SurrogateHyperparameters, encode: Encoding
    ) -> None:
        self._encode = encode
        self._cost = self._health = None
        if hyperparameters.cost is not None:
            self._cost = GaussianProcess(*_arrays(training.costs, encode), hyperparameters.cost)
        if hyperparameters.health is not None:
            self._health = GaussianProcess(
                *_arrays(training.health, encode), hyperparameters.health
            )

    def predict_costs(
        self, candidates: Sequence[Mapping[str, Scalar]]
    ) -> tuple[Array, Array] | None:
        """Return posterior means and standard deviations (N,); None with too few observations."""
        return None if self._cost is None else self._cost.predict(self._encode(candidates))

    def probability_healthy(self, candidates: Sequence[Mapping[str, Scalar]]) -> Array:
        """Return the probabilities (N,) that candidates end healthy."""
        if self._health is None:
            return np.ones(len(candidates))
        return np.clip(self._health.predict(self._encode(candidates))[0], MIN_HEALTHY, 1.0)


def _fit(
    observations: Sequence[Observation], noise_std: float, encode: Encoding
) -> Hyperparameters | None:
    """Fit hyperparameters; None with too few observations, or all of one value."""
    targets = [observation.target for observation in observations]
    if len(targets) < MIN_OBSERVATIONS or np.ptp(targets) == 0:
        return None
    return fit_hyperparameters(*_arrays(observations, encode), noise_std)


def _arrays(observations: Sequence[Observation], encode: Encoding) -> tuple[Array, Array, Array]:
    """Return inputs (N, D), targets (N,) and their standard deviations (N,)."""
    records, targets, stds = zip(*observations, strict=True)
    return encode([record.parameters for record in records]), np.array(targets), np.array(stds)
