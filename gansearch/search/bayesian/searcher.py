"""The search that walks down: the next seconds go where they are likeliest to enlarge the front.

A candidate's size is known before it is trained, so two things only have to be guessed: whether it
will come out healthy, and how good it will be. Both are guessed by the candidates tried so far. What
a quality is worth depends on the size: one that is poor for a large model moves the front where
nothing as small has it. So the search goes on to ever smaller models for as long as those are likely
to live.

Runs are cheap to begin and dear to end. One that at a rung looks unlikely to reach the front is set
aside with its checkpoint, not lost: once going on with it promises more of the front for a step than
any new candidate does, it is taken up again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from optuna.trial import Trial
from scipy.stats import norm

from gansearch.domains import Scalar
from gansearch.search.bayesian.acquisition import (
    Acquisition,
    Goal,
    Surrogate,
    SurrogateHyperparameters,
    TrainingSet,
)
from gansearch.search.bayesian.candidate_pool import Pool, Weighed
from gansearch.search.bayesian.encoding import Encoding
from gansearch.search.bayesian.gaussian_process import Array
from gansearch.search.learning_curves import Forecast
from gansearch.search.samplers import seed_of
from gansearch.search.searcher import SamplerSearcher
from gansearch.storage.trial_store import TrialStore
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

GROWTH = 1.2
"""The processes learn their settings anew whenever there are so many times the trials of before."""
HOPE = 0.1
"""Chance of reaching the front from which a run that was set aside is taken up when no more candidates are wanted."""
LOOK = 0.02
"""What it costs to measure samples at a rung, as a share of a whole training."""


class BayesianSearcher(SamplerSearcher):
    """New candidates, and runs that were set aside, by what they promise for a step of training.

    All that it decides by is in the storage, so a resumed search decides the same.
    """

    def __init__(
        self,
        spec: StudySpec,
        space: SearchSpace,
        store: TrialStore,
        goal: Goal,
        steps: int,
        pool: Pool,
    ) -> None:
        """Put together what decides.

        Args:
            spec: the study.
            space: its candidates.
            store: its trials.
            goal: what the front lies between.
            steps: of a whole training.
            pool: gives candidates to choose among.
        """
        super().__init__(spec.search, space, store)
        self._rungs, self._goal, self._steps, self._pool = spec.pruning.rungs, goal, steps, pool
        self._encode = Encoding(space.domains)
        self._learned: dict[int, SurrogateHyperparameters] = {}
        self._known: Sequence[TrialRecord] | None = None

    def next_trial(self, running: int) -> Trial | None:
        self._known = None
        return super().next_trial(running)

    def _records(self) -> Sequence[TrialRecord]:
        """All trials, read anew when one has begun or ended."""
        self._known = self._store.records() if self._known is None else self._known
        return self._known

    def _propose(self, running: int) -> Trial | None:
        """Begin the candidate that promises most, or promote a paused trial that promises more."""
        records = self._records()
        front = self._goal.outlook(records)
        if len(records) < self._spec.startup_trials or front is None:
            return super()._propose(running)
        evidence = TrainingSet.of(records, self._goal)
        tried = [record for record in records if record.state != "running"]
        expected = Surrogate(evidence, self._settings(tried), self._encode)
        pool = self._pool(self._on(front, records), seed_of(self._spec, self._store.asked))
        promises = self._new(front, expected, pool) if pool else None
        if promises is None:
            return super()._propose(running)
        best = int(np.argmax(promises))
        aside = self._aside(front, expected, evidence)
        if aside is not None and aside[0] > promises[best]:
            return self._store.promote(aside[1].number)
        self._store.enqueue(pool[best][0])
        return super()._propose(running)

    def _promote(self) -> Trial | None:
        hope = self._last_hope(self._records())
        return None if hope is None else self._store.promote(hope.number)

    # ------------------------------------------------------------------ what is promised for a whole training

    def _new(
        self, front: Acquisition, expected: Surrogate, pool: Sequence[Weighed]
    ) -> Array | None:
        """What each new candidate promises; None while nothing can be expected of them."""
        candidates, sizes = (
            [parameters for parameters, _ in pool],
            np.log10([size for _, size in pool]),
        )
        costs = expected.costs(candidates)
        if costs is None:
            return None
        means, deviations = costs
        levels = np.array([front.level(size) for size in sizes])
        reaches: Array = norm.cdf((levels - means) / deviations)
        # Most are set aside at the first rung; only those that look well are trained to the end.
        begun = self._rungs[0] + LOOK if self._rungs else 1.0
        spent = begun + (1 - begun) * reaches
        promised: Array = (
            front.gain(sizes, means, deviations) * expected.healthy(candidates) / spent
        )
        return promised

    def _aside(
        self, front: Acquisition, expected: Surrogate, evidence: TrainingSet
    ) -> tuple[float, TrialRecord] | None:
        """The run of those that were set aside that promises most, and what."""
        if not evidence.aside:
            return None
        records, forecasts = zip(*evidence.aside, strict=True)
        sizes = np.log10([self._goal.size.value(record) for record in records])
        means = np.array([forecast.mean for forecast in forecasts])
        deviations = np.array([forecast.deviation for forecast in forecasts])
        left = np.array([1 - record.steps / self._steps for record in records])
        before = expected.healthy([record.parameters for record in records])
        chances = [
            evidence.prognosis.chance(r.rungs[-1], b) for r, b in zip(records, before, strict=True)
        ]
        promised = front.gain(sizes, means, deviations) * np.array(chances) / left
        best = int(np.argmax(promised))
        return float(promised[best]), records[best]

    def _last_hope(self, records: Sequence[TrialRecord]) -> TrialRecord | None:
        """Of the runs that were set aside the one likeliest to reach the front, while it is likely enough."""
        front = self._goal.outlook(records)
        aside = TrainingSet.of(records, self._goal).aside
        if front is None or not aside:
            return None

        def chance(entry: tuple[TrialRecord, Forecast]) -> float:
            record, forecast = entry
            level = front.level(math.log10(self._goal.size.value(record)))
            return float(norm.cdf((level - forecast.mean) / forecast.deviation))

        best = max(aside, key=lambda entry: (chance(entry), -entry[0].number))
        return best[0] if chance(best) >= HOPE else None

    def _on(self, front: Acquisition, records: Sequence[TrialRecord]) -> list[Mapping[str, Scalar]]:
        """The parameters of those on the front, or of its sizes."""
        sizes, healthy = (
            {size for size, _ in front.steps},
            [r for r in records if r.state == "complete"],
        )
        return [r.parameters for r in healthy if math.log10(self._goal.size.value(r)) in sizes]

    def _settings(self, tried: Sequence[TrialRecord]) -> SurrogateHyperparameters:
        """Learned of the first so many trials, so that a resumed search learns the same."""
        count = int(8 * GROWTH ** math.floor(math.log(max(1.0, len(tried) / 8), GROWTH)))
        if count not in self._learned:
            self._learned[count] = SurrogateHyperparameters.of(
                TrainingSet.of(tried[:count], self._goal), self._encode
            )
        return self._learned[count]
