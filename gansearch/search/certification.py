"""Certification: train candidates of a search again with fresh seeds, until each passes or cannot.

Each run is an ordinary trial of the ordinary driver, so it is resumed, retried and stored like one.
The next run depends on nothing but the runs that have ended and those that are pending.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from optuna.samplers import RandomSampler
from optuna.trial import Trial

from gansearch.candidate import Candidate
from gansearch.errors import GansearchError, PluginError
from gansearch.ranking.certificate import Certificate, certificate_of
from gansearch.ranking.healthy_trials import HealthyTrials
from gansearch.ranking.pareto import Objective, pareto_front
from gansearch.ranking.tolerance import (
    QualityThresholds,
    SeedRuns,
    ended_runs,
    fresh_seeds,
    quality_thresholds,
)
from gansearch.registry import Registry
from gansearch.search.feasibility import Feasibility, FeasibilityCheck, SizeCounter
from gansearch.storage.trial_attributes import CERTIFIES, GIVEN, SEED
from gansearch.storage.trial_store import TrialStore
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import Bounds, StudySpec
from gansearch.trial_record import Rejection, TrialRecord

Run = tuple[int, int]
"""Number of a trial of the search, and the fresh seed with which its candidate is trained."""


@dataclass(frozen=True)
class Choice:
    """Candidates to certify; by default from the smallest upward, until one passes."""

    trials: tuple[int, ...] = ()
    """Numbers of trials of the search; only these are certified."""
    whole_front: bool = False
    """True to certify every trial of the front."""


@dataclass(frozen=True)
class CertificationPlan:
    """Order in which a certification trains, and when it ends.

    First come the references, so that candidates are compared with a median and not with one lucky
    seed. They get as many seeds as a candidate needs to pass, whatever their outcome: this costs no
    more than a stable candidate, and with the same seeds for both the comparison is a paired one.
    The best model found is a reference only if it decides on the champion.

    Then come the candidates of the front from the smallest upward, and if none of them passes, the
    others. A candidate that was worse in the search than the threshold, by more than two seeds
    differ, gets no seed; one that can no longer pass gets no more of them.
    """

    spec: StudySpec
    records: Sequence[TrialRecord]
    """Trials of the search."""
    objectives: Sequence[Objective]
    choice: Choice

    def due(self, runs: Sequence[TrialRecord], pending: Collection[Run]) -> Run | None:
        """Return the run to start next; None if there is none, or none before another has ended.

        Args:
            runs: runs of the certification that have ended.
            pending: runs that are being trained.
        """
        outcomes = ended_runs(self.spec, runs)
        if self.choice.trials:
            return next(self._undecided(self.choice.trials, outcomes, pending), None)
        if reference := next(self._reference_runs(outcomes, pending), None):
            return reference
        if self.choice.whole_front:
            return next(
                self._undecided([record.number for record in self._front], outcomes, pending),
                None,
            )
        if any(trial in self._references for trial, _ in pending):
            return None  # the threshold is not known yet
        return self._next_upward(outcomes, pending)

    def _undecided(
        self, trials: Sequence[int], outcomes: SeedRuns, pending: Collection[Run]
    ) -> Iterator[Run]:
        """Yield the runs that these trials need until each is decided."""
        for trial in trials:
            if self._certificate(trial, outcomes, QualityThresholds()).status == "undecided":
                yield from self._needed(trial, outcomes, pending)

    def _reference_runs(self, outcomes: SeedRuns, pending: Collection[Run]) -> Iterator[Run]:
        for trial in self._references:
            for seed in fresh_seeds(self.spec)[: self.spec.certification.required]:
                if seed not in outcomes.get(trial, {}) and (trial, seed) not in pending:
                    yield trial, seed

    def _next_upward(self, outcomes: SeedRuns, pending: Collection[Run]) -> Run | None:
        """Return a run of the smallest candidate that may still pass; larger ones wait for it."""
        thresholds = quality_thresholds(self.spec, self._healthy, outcomes)
        for trial in self._candidates(outcomes, thresholds):
            certificate = self._certificate(trial, outcomes, thresholds)
            if certificate.passes:
                return None
            if not certificate.out_of_reach:
                return next(self._needed(trial, outcomes, pending), None)
        return None

    def _needed(self, trial: int, outcomes: SeedRuns, pending: Collection[Run]) -> Iterator[Run]:
        """Yield the runs without which a candidate cannot pass, besides those pending."""
        ended = outcomes.get(trial, {})
        free = [s for s in fresh_seeds(self.spec) if s not in ended and (trial, s) not in pending]
        healthy = sum(run.state == "complete" for run in ended.values())
        under_way = sum(other == trial for other, _ in pending)
        missing = self.spec.certification.required - healthy - under_way
        yield from ((trial, seed) for seed in free[: max(0, missing)])

    def _certificate(
        self, trial: int, outcomes: SeedRuns, thresholds: QualityThresholds
    ) -> Certificate:
        runs = outcomes.get(trial, {})
        return certificate_of(self.spec, trial, runs, self._healthy.quality, thresholds)

    @cached_property
    def _healthy(self) -> HealthyTrials:
        return HealthyTrials.of(self.records, self.objectives)

    @cached_property
    def _front(self) -> tuple[TrialRecord, ...]:
        return pareto_front(self.records, self.objectives).trials

    @cached_property
    def _references(self) -> tuple[int, ...]:
        if self._healthy.quality is None:
            return ()
        baseline, best = self._healthy.healthy_baseline, self._healthy.best
        decides = self.spec.certification.tolerance_reference == "best" or baseline is None
        references = (baseline, best if decides else None)
        return tuple(dict.fromkeys(record.number for record in references if record is not None))

    def _candidates(self, outcomes: SeedRuns, thresholds: QualityThresholds) -> list[int]:
        """Return the trials worth their seeds: the front from the smallest upward, then others."""
        worth = [
            record.number
            for record in self._healthy.healthy
            if record.number in outcomes or self._is_promising(record, thresholds)
        ]
        front = {record.number for record in self._front}
        return sorted(worth, key=lambda trial: trial not in front)

    def _is_promising(self, record: TrialRecord, thresholds: QualityThresholds) -> bool:
        """Return True if another seed of the candidate could be within tolerance."""
        quality = self._healthy.quality
        threshold = thresholds.for_champion(self.spec.certification)
        if quality is None or threshold is None:
            return True
        noise = self.spec.pruning.margin * self.spec.pruning.noise
        worst = quality.limit(threshold.value, noise)
        return quality.cost(quality.value(record)) <= quality.cost(worst)


class CertificationSearcher:
    """Asks for the runs of a plan, in its order."""

    exhausted = False

    def __init__(self, plan: CertificationPlan, store: TrialStore) -> None:
        self._plan, self._store = plan, store
        self._parameters = {record.number: record.parameters for record in plan.records}
        self._ended: list[TrialRecord] = []
        self._pending: set[Run] = set()

    def begin(self, records: Sequence[TrialRecord]) -> None:
        self._ended = [record for record in records if record.ended]
        self._pending = {_run_of(record) for record in records if not record.ended}

    def next_trial(self, running: int) -> Trial | None:
        if not self._store.has_queued:
            due = self._plan.due(self._ended, self._pending)
            if due is None:
                return None
            trial, seed = due
            marks = {GIVEN: True, CERTIFIES: trial, SEED: seed}
            self._store.enqueue(self._parameters[trial], **marks)
        asked = self._store.ask(RandomSampler())  # which draws nothing: all values are given
        self._pending.add((asked.user_attrs[CERTIFIES], asked.user_attrs[SEED]))
        return asked

    def rejected(self, rejection: Rejection) -> None:
        raise AssertionError("a certification refuses no candidate")

    def ended(self, record: TrialRecord) -> None:
        self._pending.discard(_run_of(record))
        self._ended.append(record)


class CertificationFeasibilityCheck(FeasibilityCheck):
    """Takes a run's candidate from the trial that it certifies, whatever its size.

    The candidate of a rescued trial differs from the one that its parameters give.
    """

    def __init__(
        self,
        plan: CertificationPlan,
        space: SearchSpace,
        sizes: SizeCounter,
        constraints: Mapping[str, Bounds],
    ) -> None:
        super().__init__(space, sizes, constraints)
        self._candidates = {record.number: record.candidate for record in plan.records}
        self._registry = Registry()
        self._place = space.dataset.place()

    def examine(self, trial: Trial) -> Feasibility:
        number = trial.user_attrs[CERTIFIES]
        try:
            candidate = Candidate.from_json(self._candidates[number], self._registry)
            candidate = candidate.located(self._place)
        except (PluginError, ValueError) as error:
            # This says nothing of the candidate, so no seed fails by it.
            raise GansearchError(
                f"the candidate of trial {number} cannot be built any more: {error}"
            ) from None
        return self.check(candidate, constrained=False)


def chosen(numbers: Sequence[int], records: Sequence[TrialRecord]) -> Choice:
    """Return the choice of trials by their numbers.

    Raises:
        GansearchError: if there is no such trial, or it was not trained to its end.
    """
    known = {record.number: record for record in records}
    for number in numbers:
        if number not in known:
            there = f"there are {min(known)} to {max(known)}" if known else "there are none yet"
            raise GansearchError(f"there is no trial {number} to certify; {there}")
        if not known[number].ended or not known[number].candidate:
            why = known[number].reason or f"it is {known[number].state}"
            raise GansearchError(
                f"trial {number} cannot be certified, since it was not trained to its end: {why}"
            )
    return Choice(tuple(dict.fromkeys(numbers)))


def _run_of(record: TrialRecord) -> Run:
    assert record.certifies is not None and record.seed is not None, "every run has both"
    return record.certifies, record.seed
