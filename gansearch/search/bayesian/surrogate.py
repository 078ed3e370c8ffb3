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

from gansearch.domains import Domain, Scalar
from gansearch.search.bayesian.acquisition import Goal
from gansearch.search.bayesian.encoding import Encoding
from gansearch.search.bayesian.gaussian_process import (
    Array,
    GaussianProcess,
    Hyperparameters,
    fit_hyperparameters,
)
from gansearch.search.bayesian.transfer import AveragedProcess, EarlierMean, PriorMeans
from gansearch.search.learning_curves import CurveExtrapolation, Forecast, HealthClassifier, cost
from gansearch.trial_record import TrialRecord

HEALTH_NOISE_STD = 0.1
"""Prior noise of the health process, whose targets are 0 for failed and 1 for healthy."""
MIN_HEALTHY = 0.002
"""Lower bound of the predicted probability of health."""
MIN_OBSERVATIONS = 3
"""Observations below which no hyperparameters are fitted."""
NO_PRIOR = PriorMeans()


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
    running: tuple[TrialRecord, ...]
    """Trials that are being trained."""
    classifier: HealthClassifier

    @classmethod
    def of(cls, records: Sequence[TrialRecord], goal: Goal) -> TrainingSet:
        """Collect the observations from a study's trials."""
        healthy = [record for record in records if record.state == "complete"]
        running = tuple(record for record in records if record.state == "running")
        extrapolation = CurveExtrapolation(goal.quality, healthy)
        # A running trial that was promoted is known as well as when it was paused.
        begun = [
            (record, extrapolation.forecast(record.rungs))
            for record in records
            if record.state in ("paused", "running")
            and record.rungs
            and extrapolation.runs_at(record.rungs[-1].step) >= goal.min_healthy_trials
        ]
        paused = tuple(entry for entry in begun if entry[0].state == "paused")
        costs = [
            Observation(record, cost(goal.quality, goal.quality.value(record)), 0.0)
            for record in healthy
        ]
        costs += [
            Observation(record, forecast.mean, forecast.std)
            for record, forecast in begun
            if math.isfinite(forecast.mean)
        ]
        judged = [record for record in records if record.judged]
        classifier = HealthClassifier(judged)
        health = [Observation(record, float(record.state == "complete"), 0.0) for record in judged]
        for record, _ in begun:
            if classifier.is_informative(record.rungs[-1]):
                p = classifier.probability(record.rungs[-1])
                health.append(Observation(record, p, math.sqrt(p * (1 - p))))
        noise_std = math.log1p(goal.noise)
        return cls(tuple(costs), tuple(health), noise_std, paused, running, classifier)


class Encodings(NamedTuple):
    """Encodings of the candidates for both processes."""

    cost: Encoding
    health: Encoding

    @classmethod
    def of(cls, domains: Mapping[str, Domain]) -> Encodings:
        """Return the encodings for the domains of a search space.

        Numbers are ordered for the cost; for the health one level of a choice may always fail, such
        as a latent of 1, and the next one never.
        """
        return cls(Encoding(domains), Encoding(domains, one_hot=True))


@dataclass(frozen=True)
class SurrogateHyperparameters:
    """Hyperparameters of both processes; None of one with too few observations."""

    cost: Hyperparameters | None
    health: Hyperparameters | None

    @classmethod
    def of(cls, training: TrainingSet, encodings: Encodings) -> SurrogateHyperparameters:
        """Fit the hyperparameters to a training set."""
        return cls(
            _fit(training.costs, training.noise_std, encodings.cost),
            _fit(training.health, HEALTH_NOISE_STD, encodings.health),
        )


class Surrogate:
    """Two Gaussian processes over the candidates: one of the cost, one of the health.

    Trials that are being trained are believed to end as predicted, so that what is chosen beside
    them is not the same once more.
    """

    def __init__(
        self,
        training: TrainingSet,
        hyperparameters: SurrogateHyperparameters,
        encodings: Encodings,
        prior: PriorMeans = NO_PRIOR,
    ) -> None:
        self._encodings = encodings
        self._cost = _process(
            training.costs, hyperparameters.cost, training.noise_std, encodings.cost, prior.cost
        )
        if self._cost is not None and training.running:
            running = [record.parameters for record in training.running]
            self._cost = self._cost.believing(encodings.cost(running))
        self._health = _process(
            training.health,
            hyperparameters.health,
            HEALTH_NOISE_STD,
            encodings.health,
            prior.health,
        )

    @property
    def prior_weight(self) -> float:
        """Probability, given the trials so far, that earlier runs tell something of the costs."""
        process = self._cost
        return 1 - float(process.weights[0]) if isinstance(process, AveragedProcess) else 0.0

    def predict_costs(
        self, candidates: Sequence[Mapping[str, Scalar]]
    ) -> tuple[Array, Array] | None:
        """Return posterior means and standard deviations (N,); None with too few observations."""
        if self._cost is None:
            return None
        return self._cost.predict(self._encodings.cost(candidates))

    def probability_healthy(self, candidates: Sequence[Mapping[str, Scalar]]) -> Array:
        """Return the probabilities (N,) that candidates end healthy."""
        if self._health is None:
            return np.ones(len(candidates))
        means, _ = self._health.predict(self._encodings.health(candidates))
        return np.clip(means, MIN_HEALTHY, 1.0)


def _process(
    observations: Sequence[Observation],
    hyperparameters: Hyperparameters | None,
    noise_std: float,
    encode: Encoding,
    means: Sequence[EarlierMean],
) -> GaussianProcess | AveragedProcess | None:
    """Return the process given these observations; None with too few, unless there is a prior."""
    if means and observations:
        return AveragedProcess(*_arrays(observations, encode), hyperparameters, noise_std, means)
    if hyperparameters is None:
        return None
    return GaussianProcess(*_arrays(observations, encode), hyperparameters)


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
