"""Certification: train candidates of a search again with fresh seeds, until each passes or cannot.

Each run is an ordinary trial of the ordinary driver, so it is resumed, retried and stored like one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optuna.samplers import RandomSampler
from optuna.trial import Trial

from gansearch.candidate import Candidate
from gansearch.errors import GansearchError, PluginError
from gansearch.registry import Registry
from gansearch.search.certification_plan import CertificationPlan, Run
from gansearch.search.feasibility import Feasibility, FeasibilityCheck, SizeCounter
from gansearch.storage.trial_attributes import CERTIFIES, GIVEN, SEED
from gansearch.storage.trial_store import TrialStore
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import Bounds
from gansearch.trial_record import Rejection, TrialRecord


class CertificationSearcher:
    """Searcher that asks for the runs of a plan, in its order."""

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
    """Check of a run's candidate, taken from the trial that it certifies, whatever its size.

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
            # This says nothing about the candidate, so no seed counts as failed.
            raise GansearchError(
                f"the candidate of trial {number} cannot be built any more: {error}"
            ) from None
        return self.check(candidate, constrained=False)


def _run_of(record: TrialRecord) -> Run:
    """Return the certified trial and the seed of a record."""
    assert record.certifies is not None and record.seed is not None, "every run has both"
    return record.certifies, record.seed
