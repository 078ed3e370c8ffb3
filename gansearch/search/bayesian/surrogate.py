"""Surrogate of the `shrink` sampler: Gaussian processes of the cost and of the health.

A size is known before training, so nothing else is predicted. Paused trials take part with the
cost and the health that are extrapolated from their last rung, and with the uncertainty of both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gansearch.domains import Scalar
from gansearch.search.bayesian.acquisition import Goal
from gansearch.search.bayesian.encoding import Encoding
from gansearch.search.bayesian.gaussian_process import (
    Array,
    GaussianProcess,
    Hyperparameters,
    fit_hyperparameters,
)
from gansearch.search.learning_curves import CurveExtrapolation, Forecast, HealthClassifier, cost
from gansearch.trial_record import TrialRecord

import os
VARIANT = os.environ.get("GS_VARIANT", "")
HEALTH_NOISE_STD = 0.1 if "H" in VARIANT else 0.25
"""Prior noise of the health process, whose targets are 0 for failed and 1 for healthy."""
MIN_HEALTHY = 0.002 if "H" in VARIANT else 0.05
"""Lower bound of the predicted probability of health."""
MIN_OBSERVATIONS = 3
"""Observations below which no hyperparameters are fitted."""


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
    def of(cls, training: TrainingSet, encode: Encoding, levels: Encoding) -> SurrogateHyperparameters:
        """Fit the hyperparameters to a training set."""
        return cls(
            _fit(training.costs, training.noise_std, encode),
            _fit(training.health, HEALTH_NOISE_STD, levels),
        )


class Surrogate:
    """Two Gaussian processes over the candidates: one of the cost, one of the health."""

    def __init__(
        self, training: TrainingSet, hyperparameters: SurrogateHyperparameters, encode: Encoding, levels: Encoding
    ) -> None:
        self._encode, self._levels = encode, levels
        self._cost = self._health = None
        if hyperparameters.cost is not None:
            self._cost = GaussianProcess(*_arrays(training.costs, encode), hyperparameters.cost)
        if hyperparameters.health is not None:
            self._health = GaussianProcess(
                *_arrays(training.health, levels), hyperparameters.health
            )

    def predict_costs(
        self, candidates: Sequence[Mapping[str, Scalar]]
    ) -> tuple[Array, Array] | None:
        """Return posterior means and standard deviations (N,); None with too few observations."""
        if self._cost is None:
            return None
        return self._cost.predict(self._encode(candidates))

    def probability_healthy(self, candidates: Sequence[Mapping[str, Scalar]]) -> Array:
        """Return the probabilities (N,) that candidates end healthy."""
        if self._health is None:
            return np.ones(len(candidates))
        return np.clip(self._health.predict(self._levels(candidates))[0], MIN_HEALTHY, 1.0)


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
