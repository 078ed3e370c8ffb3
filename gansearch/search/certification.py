"""Certification: candidates of a search are trained again with fresh seeds, until each passes or no longer can.

Each run is an ordinary trial of the ordinary driver, so it is resumed, tried again and kept like one.
What is trained next depends on nothing but the trials that have ended and those that run.
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
"""The number of a trial of the search, and the seed with which its candidate is trained again."""


@dataclass(frozen=True)
class Choice:
    """Which candidates are certified; by default those from the smallest upward, until one passes."""

    trials: tuple[int, ...] = ()
    """Just these, of the search."""
    whole_front: bool = False
    """All of the front."""


@dataclass(frozen=True)
class CertificationPlan:
    """What a certification trains, in which order, and when it is enough.

    First come the references, so that the tolerance is held against a median and not against one lucky
    seed. They are trained with as many seeds as a candidate needs to pass, whatever comes of them: no
    more than a stable candidate costs, and with the same seeds for both the comparison is a paired one.
    The best model found is a reference only where it decides on the champion.

    Then come the candidates of the front from the smallest upward, and if none of them passes the
    others. One that was worse in the search than the limit, by more than two seeds differ, is not worth
    a seed, and one that can no longer pass gets no more of them.
    """

    spec: StudySpec
    records: Sequence[TrialRecord]
    """Of the search."""
    axes: Sequence[Objective]
    choice: Choice

    def due(self, runs: Sequence[TrialRecord], pending: Collection[Run]) -> Run | None:
        """The run to start next; None where there is none, or none before another one has ended.

        Args:
            runs: of the certification, as far as they have ended.
            pending: those under way.
        """
        outcomes = ended_runs(self.spec, runs)
        if self.choice.trials:
            return next(self._to_decisions(self.choice.trials, outcomes, pending), None)
        if reference := next(self._for_references(outcomes, pending), None):
            return reference
        if self.choice.whole_front:
            return next(
                self._to_decisions([record.number for record in self._front], outcomes, pending),
                None,
            )
        if any(trial in self._references for trial, _ in pending):
            return None  # the limit is not known yet
        return self._on_the_way_up(outcomes, pending)

    def _to_decisions(
        self, trials: Sequence[int], outcomes: SeedRuns, pending: Collection[Run]
    ) -> Iterator[Run]:
        """What each of these needs, one beside the other."""
        for trial in trials:
            if self._certificate(trial, outcomes, QualityThresholds()).status == "undecided":
                yield from self._needed(trial, outcomes, pending)

    def _for_references(self, outcomes: SeedRuns, pending: Collection[Run]) -> Iterator[Run]:
        for trial in self._references:
            for seed in fresh_seeds(self.spec)[: self.spec.certification.required]:
                if seed not in outcomes.get(trial, {}) and (trial, seed) not in pending:
                    yield trial, seed

    def _on_the_way_up(self, outcomes: SeedRuns, pending: Collection[Run]) -> Run | None:
        """What the first candidate needs that may still pass; whether the next is wanted depends on it."""
        limits = quality_thresholds(self.spec, self._contenders, outcomes)
        for trial in self._candidates(outcomes, limits):
            certificate = self._certificate(trial, outcomes, limits)
            if certificate.passes:
                return None
            if not certificate.out_of_reach:
                return next(self._needed(trial, outcomes, pending), None)
        return None

    def _needed(self, trial: int, outcomes: SeedRuns, pending: Collection[Run]) -> Iterator[Run]:
        """Seeds without which a candidate cannot pass, beside those under way."""
        ended = outcomes.get(trial, {})
        free = [s for s in fresh_seeds(self.spec) if s not in ended and (trial, s) not in pending]
        healthy = sum(run.state == "complete" for run in ended.values())
        under_way = sum(other == trial for other, _ in pending)
        missing = self.spec.certification.required - healthy - under_way
        yield from ((trial, seed) for seed in free[: max(0, missing)])

    def _certificate(
        self, trial: int, outcomes: SeedRuns, limits: QualityThresholds
    ) -> Certificate:
        return certificate_of(
            self.spec, trial, outcomes.get(trial, {}), self._contenders.quality, limits
        )

    @cached_property
    def _contenders(self) -> HealthyTrials:
        return HealthyTrials.of(self.records, self.axes)

    @cached_property
    def _front(self) -> tuple[TrialRecord, ...]:
        return pareto_front(self.records, self.axes).trials

    @cached_property
    def _references(self) -> tuple[int, ...]:
        if self._contenders.quality is None:
            return ()
        baseline, best = self._contenders.healthy_baseline, self._contenders.best
        decides = self.spec.certification.tolerance_reference == "best" or baseline is None
        references = (baseline, best if decides else None)
        return tuple(dict.fromkeys(record.number for record in references if record is not None))

    def _candidates(self, outcomes: SeedRuns, limits: QualityThresholds) -> list[int]:
        """Those that are worth their seeds: of the front from the smallest upward, then the others."""
        worth = [
            r.number
            for r in self._contenders.healthy
            if r.number in outcomes or self._promising(r, limits)
        ]
        front = {record.number for record in self._front}
        return sorted(worth, key=lambda trial: trial not in front)

    def _promising(self, record: TrialRecord, limits: QualityThresholds) -> bool:
        """Whether another seed of it could be within tolerance."""
        axis, limit = self._contenders.quality, limits.for_champion(self.spec.certification)
        if axis is None or limit is None:
            return True
        noise = self.spec.pruning.margin * self.spec.pruning.noise
        return axis.cost(axis.value(record)) <= axis.cost(axis.limit(limit.value, noise))


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

    A trial that was rescued has another candidate than its parameters give.
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
        except (
            PluginError,
            ValueError,
        ) as error:  # which says nothing of the candidate, so no seed fails by it
            raise GansearchError(
                f"the candidate of trial {number} cannot be built any more: {error}"
            ) from None
        return self.check(candidate, constrained=False)


def chosen(numbers: Sequence[int], records: Sequence[TrialRecord]) -> Choice:
    """The choice of trials by their numbers.

    Raises:
        GansearchError: when there is no such trial, or it was never trained to its end.
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
    """The mark of a run of the certification."""
    assert record.certifies is not None and record.seed is not None, (
        "every run is enqueued with both"
    )
    return record.certifies, record.seed
