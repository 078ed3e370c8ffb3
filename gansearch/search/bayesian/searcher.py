"""Bayesian search: each step of training goes where it is expected to enlarge the front most.

A candidate's size is known before it is trained, so a surrogate predicts two things only: its
health and its quality. The value of a quality depends on the size: one that is poor for a large
model enlarges the front where there is nothing as small. So the search goes on to smaller models
for as long as they are likely to end healthy.

A run that is unlikely to reach the front is paused at a rung with its checkpoint. It is promoted
once training it further promises more per step than any new candidate does.

| symbol | code | meaning |
|---|---|---|
| G | `acquisition.gain(...)` | expected gain of a candidate that ends healthy |
| h | `surrogate.probability_healthy(...)` | probability of that |
| P(c < L) | `reaches` | probability that a new candidate beats the front, if healthy |
| b + (1 - b) P(c < L) | `spent` | expected share of a training, b of it up to the first rung |
| G h / spent | `_new_rates(...)` | expected gain per training of a new candidate |
| G h / left | `_best_paused(...)` | expected gain per training of a paused trial |
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from optuna.trial import Trial
from scipy.special import ndtr

from gansearch.search.bayesian.acquisition import Acquisition, Goal
from gansearch.search.bayesian.candidate_pool import CandidatePool, PoolCandidate
from gansearch.search.bayesian.gaussian_process import Array
from gansearch.search.bayesian.prior import Prior
from gansearch.search.bayesian.surrogate import (
    NO_PRIOR,
    Encodings,
    Surrogate,
    SurrogateHyperparameters,
    TrainingSet,
)
from gansearch.search.enumeration import Parameters
from gansearch.search.learning_curves import Forecast
from gansearch.search.samplers import seed_of
from gansearch.search.searcher import SamplerSearcher
from gansearch.storage.trial_store import TrialStore
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

REFIT_FACTOR = 1.2
"""Growth of the number of trials after which the hyperparameters are fitted again."""
FIRST_FIT = 8
"""Trials of the first fit."""
MIN_REACH_PROBABILITY = 0.1
"""Probability of reaching the front from which paused trials are promoted at a search's end."""
RUNG_COST = 0.02
"""Cost of measuring samples at a rung, as a share of a whole training."""

Proposal = Parameters | int
"""Parameters of a new candidate, or the number of a paused trial to promote."""


class BayesianSearcher(SamplerSearcher):
    """Choice between new candidates and paused trials, by expected gain per step of training.

    Every decision depends on the stored trials alone, so a resumed search decides the same.
    """

    def __init__(
        self,
        spec: StudySpec,
        space: SearchSpace,
        store: TrialStore,
        goal: Goal,
        steps: int,
        pool: CandidatePool,
        prior: Prior | None = None,
    ) -> None:
        """Set up the search.

        Args:
            spec: the study.
            space: its search space.
            store: its trials.
            goal: the objectives of the search.
            steps: the steps of a whole training.
            pool: the source of new candidates.
            prior: trials of earlier runs, which may choose the first trials too.
        """
        super().__init__(spec.search, space, store)
        self._rungs, self._goal, self._steps, self._pool = spec.pruning.rungs, goal, steps, pool
        self._encodings = Encodings.of(space.domains)
        self._prior, self._means = prior, NO_PRIOR
        if prior is not None:
            self._means = prior.means(self._encodings, math.log1p(goal.noise))
        self._fitted: tuple[object, SurrogateHyperparameters] | None = None

    def _propose(self, running: int) -> Trial | None:
        """Return the most promising trial, a new one or a paused one to promote."""
        records = self._store.records()
        seed = seed_of(self._spec, self._store.asked)
        acquisition = self._goal.acquisition(records)
        proposal: Proposal | None = None
        can_predict = self._means.cost or not self._is_starting(records)
        if can_predict and acquisition is not None:
            proposal = self._most_promising(acquisition, records, seed)
        if proposal is None:
            proposal = self._pool.random_candidate(records, seed)
        if proposal is None:
            self.exhausted = True
            return self._promote()
        if isinstance(proposal, int):
            return self._store.promote(proposal)
        self._store.enqueue(proposal)
        return super()._propose(running)

    def _promote(self) -> Trial | None:
        """Return the paused trial most likely to reach the front, if it is likely enough."""
        records = self._store.records()
        acquisition = self._goal.acquisition(records)
        paused = TrainingSet.of(records, self._goal).paused
        if acquisition is None or not paused:
            return None

        def reaches(entry: tuple[TrialRecord, Forecast]) -> float:
            record, forecast = entry
            level = acquisition.level(self._goal.log_size(record))
            return float(ndtr((level - forecast.mean) / forecast.std))

        best = max(paused, key=lambda entry: (reaches(entry), -entry[0].number))
        if reaches(best) < MIN_REACH_PROBABILITY:
            return None
        return self._store.promote(best[0].number)

    def _most_promising(
        self, acquisition: Acquisition, records: Sequence[TrialRecord], seed: int
    ) -> Proposal | None:
        """Compare the pool with the paused trials; None while no cost can be predicted."""
        training = TrainingSet.of(records, self._goal)
        hyperparameters = self._hyperparameters(_tried(records))
        surrogate = Surrogate(training, hyperparameters, self._encodings, self._means)
        # A first trial follows a prior of any weight, since nothing else is known; so draw lots.
        is_starting = self._is_starting(records)
        if is_starting and np.random.default_rng(seed).random() >= surrogate.prior_weight:
            return None
        acquisition = self._believing(acquisition, surrogate, training.running)
        sizes = {size for size, _ in acquisition.steps}
        front = [
            record.parameters
            for record in records
            if record.state == "complete" and self._goal.log_size(record) in sizes
        ]
        if self._prior is not None and is_starting:
            baseline = self._space.baseline_parameters
            front += [{**baseline, **parameters} for parameters in self._prior.front]
        pool = self._pool.candidates(records, front, seed)
        rates = self._new_rates(acquisition, surrogate, pool) if pool else None
        if rates is None:
            return None
        best = int(np.argmax(rates))
        paused = self._best_paused(acquisition, surrogate, training)
        if paused is not None and paused[0] > rates[best]:
            return paused[1].number
        return pool[best].parameters

    def _believing(
        self, acquisition: Acquisition, surrogate: Surrogate, running: Sequence[TrialRecord]
    ) -> Acquisition:
        """Return the acquisition function once running trials that are likely healthy ended so."""
        parameters = [record.parameters for record in running]
        if not running or (costs := surrogate.predict_costs(parameters)) is None:
            return acquisition
        points = [
            (self._goal.log_size(record), float(cost))
            for record, cost, healthy in zip(
                running, costs[0], surrogate.probability_healthy(parameters), strict=True
            )
            if healthy >= 0.5
        ]
        return acquisition.believing(points)

    def _is_starting(self, records: Sequence[TrialRecord]) -> bool:
        """Return True while there are fewer than `startup_trials`."""
        return len(_tried(records)) < self._spec.startup_trials

    def _new_rates(
        self, acquisition: Acquisition, surrogate: Surrogate, pool: Sequence[PoolCandidate]
    ) -> Array | None:
        """Return the expected gain per training of new candidates; None without predictions."""
        candidates = [candidate.parameters for candidate in pool]
        sizes = np.log10([candidate.size for candidate in pool])
        costs = surrogate.predict_costs(candidates)
        if costs is None:
            return None
        means, stds = costs
        # What would be measured, with its luck, as a forecast of a paused trial has it too. Without
        # it nothing new would promise anything beside a lucky run.
        stds = np.hypot(stds, math.log1p(self._goal.noise))
        levels = np.array([acquisition.level(size) for size in sizes])
        reaches: Array = ndtr((levels - means) / stds)
        # Most are paused at the first rung; only the promising ones are trained to the end.
        begun = self._rungs[0] + RUNG_COST if self._rungs else 1.0
        spent = begun + (1 - begun) * reaches
        healthy = surrogate.probability_healthy(candidates)
        rates: Array = acquisition.gain(sizes, means, stds) * healthy / spent
        return rates

    def _best_paused(
        self, acquisition: Acquisition, surrogate: Surrogate, training: TrainingSet
    ) -> tuple[float, TrialRecord] | None:
        """Return the highest expected gain per training among the paused trials, and that trial."""
        if not training.paused:
            return None
        records, forecasts = zip(*training.paused, strict=True)
        sizes = np.log10([self._goal.size.value(record) for record in records])
        means = np.array([forecast.mean for forecast in forecasts])
        stds = np.array([forecast.std for forecast in forecasts])
        left = np.array([1 - record.steps / self._steps for record in records])
        priors = surrogate.probability_healthy([record.parameters for record in records])
        healthy = [
            training.classifier.probability(record.rungs[-1], prior)
            for record, prior in zip(records, priors, strict=True)
        ]
        rates = acquisition.gain(sizes, means, stds) * np.array(healthy) / left
        best = int(np.argmax(rates))
        return float(rates[best]), records[best]

    def _hyperparameters(self, tried: Sequence[TrialRecord]) -> SurrogateHyperparameters:
        """Fit to the first trials, whose number grows in steps, or return the last fit to the same.

        The fit depends on these trials alone, so a resumed search fits the same.
        """
        growth = max(1.0, len(tried) / FIRST_FIT)
        count = int(FIRST_FIT * REFIT_FACTOR ** math.floor(math.log(growth, REFIT_FACTOR)))
        first = tried[:count]
        key = tuple((record.number, record.state, record.steps) for record in first)
        if self._fitted is None or self._fitted[0] != key:
            training = TrainingSet.of(first, self._goal)
            self._fitted = key, SurrogateHyperparameters.of(training, self._encodings)
        return self._fitted[1]


def _tried(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the trials that have shown something of their candidate."""
    return [record for record in records if record.ended or record.state == "paused"]
