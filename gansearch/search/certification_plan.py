"""Plan of a certification: which candidate is trained next with which fresh seed, and until when.

The next run depends on nothing but the runs that have ended and those that are pending.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from gansearch.errors import GansearchError
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
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

Run = tuple[int, int]
"""Number of a trial of the search, and the fresh seed with which its candidate is trained."""


@dataclass(frozen=True)
class Choice:
    """Candidates to certify; by default from the smallest upward, until one passes."""

    trials: tuple[int, ...] = ()
    """Numbers of trials of the search; only these are certified."""
    whole_front: bool = False
    """True to certify every trial of the front."""


def chosen(numbers: Sequence[int], records: Sequence[TrialRecord]) -> Choice:
    """Return the choice of trials by their numbers.

    Raises:
        GansearchError: if there is no such trial, or it was not trained to its end.
    """
    known = {record.number: record for record in records}
    for number in numbers:
        if number not in known:
            there = "there are none yet"
            if known:
                there = f"there are {min(known)} to {max(known)}"
            raise GansearchError(f"there is no trial {number} to certify; {there}")
        if not known[number].ended or not known[number].candidate:
            why = known[number].reason or f"it is {known[number].state}"
            raise GansearchError(
                f"trial {number} cannot be certified, since it was not trained to its end: {why}"
            )
    return Choice(tuple(dict.fromkeys(numbers)))


@dataclass(frozen=True)
class CertificationPlan:
    """Order in which a certification trains, and when it ends.

    First come the references: the baseline, the best model of its size and the best of any size.
    So candidates are compared with a median and not with one lucky seed. References get as many
    seeds as a candidate needs to pass, whatever their outcome: this costs no more than a stable
    candidate, and with the same seeds for both the comparison is a paired one.

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
            return self._first_undecided(self.choice.trials, outcomes, pending)

        # References
        for trial in self._references:
            for seed in fresh_seeds(self.spec)[: self.spec.certification.required]:
                if seed not in outcomes.get(trial, {}) and (trial, seed) not in pending:
                    return trial, seed

        if self.choice.whole_front:
            front = [record.number for record in self._front]
            return self._first_undecided(front, outcomes, pending)

        # The smallest candidate that may still pass; larger ones wait for it
        if any(trial in self._references for trial, _ in pending):
            return None  # the threshold is not known yet
        thresholds = quality_thresholds(self.spec, self._healthy, outcomes)
        for trial in self._candidates(outcomes, thresholds):
            certificate = self._certificate(trial, outcomes, thresholds)
            if certificate.passes:
                return None
            if not certificate.out_of_reach:
                return self._needed(trial, outcomes, pending)
        return None

    def _first_undecided(
        self, trials: Sequence[int], outcomes: SeedRuns, pending: Collection[Run]
    ) -> Run | None:
        """Return a run of the first of these trials that needs another one to be decided."""
        for trial in trials:
            if self._certificate(trial, outcomes, QualityThresholds()).status == "undecided":
                run = self._needed(trial, outcomes, pending)
                if run is not None:
                    return run
        return None

    def _needed(self, trial: int, outcomes: SeedRuns, pending: Collection[Run]) -> Run | None:
        """Return a run without which a candidate cannot pass, besides those pending."""
        ended = outcomes.get(trial, {})
        healthy = sum(run.state == "complete" for run in ended.values())
        under_way = sum(other == trial for other, _ in pending)
        if healthy + under_way >= self.spec.certification.required:
            return None
        for seed in fresh_seeds(self.spec):
            if seed not in ended and (trial, seed) not in pending:
                return trial, seed
        return None

    def _candidates(self, outcomes: SeedRuns, thresholds: QualityThresholds) -> list[int]:
        """Return the trials worth their seeds: the front from the smallest upward, then others."""
        quality = self._healthy.quality
        threshold = thresholds.for_champion(self.spec.certification)
        worth: Sequence[TrialRecord] = self._healthy.healthy
        if quality is not None and threshold is not None:
            # Those that have begun, and those of which another seed could be within tolerance.
            noise = self.spec.pruning.margin * self.spec.pruning.noise
            worst = quality.cost(quality.limit(threshold.value, noise))
            worth = [
                record
                for record in worth
                if record.number in outcomes or quality.cost(quality.value(record)) <= worst
            ]
        front = {record.number for record in self._front}
        return sorted((record.number for record in worth), key=lambda trial: trial not in front)

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
        """Numbers of the trials with which candidates are compared."""
        if self._healthy.quality is None:
            return ()
        references = self._healthy.references.values()
        return tuple(dict.fromkeys(record.number for record in references))
