"""Agendas: what is trained next, and when there is nothing left to train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from optuna.trial import Trial, TrialState

from gansearch.search.samplers import KINDS, make_sampler
from gansearch.storage.trial_store import BASELINE, GIVEN, VARIATION, TrialStore
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import SearchSpec
from gansearch.trial_record import TrialRecord


class Searcher(Protocol):
    """What the driver asks for the next trial."""

    proposes: bool
    """Whether it may go on proposing for ever, whatever is refused."""

    def begin(self, records: Sequence[TrialRecord]) -> None:
        """Go on from these trials."""

    def wants_more(self, running: int) -> bool:
        """Whether another trial should start beside so many that run."""

    def ask(self, running: int) -> Trial:
        """That trial."""

    def ended(self, record: TrialRecord) -> None:
        """Hear of a trial that ended, or was refused."""


class SamplerSearcher:
    """The candidates that the study names, then those that the sampler proposes, until there are enough."""

    def __init__(self, spec: SearchSpec, space: SearchSpace, store: TrialStore) -> None:
        self._spec, self._space, self._store = spec, space, store
        self.proposes = KINDS[spec.sampler].proposes
        self._trained = self._finished = 0

    def begin(self, records: Sequence[TrialRecord]) -> None:
        self._finished = sum(record.ended for record in records)
        self._trained = sum(record.ended and not record.rejected for record in records)
        self._enqueue_given(sum((r.given or r.variation) and r.retry_of is None for r in records))

    def _enqueue_given(self, already: int) -> None:
        """Queue the candidates that need no sampler, the baseline first, but for those that are queued already."""
        named = 1 + len(self._space.queued_parameters)
        for i, parameters in enumerate(self._space.given(self._spec)[already:], start=already):
            marks = {GIVEN: True, BASELINE: i == 0} if i < named else {VARIATION: True}
            self._store.enqueue(parameters, **marks)

    def wants_more(self, running: int) -> bool:
        if self._store.count(TrialState.WAITING) > 0:
            return True
        return self.proposes and self._trained + running < self._spec.trials

    def ask(self, running: int) -> Trial:
        return self._store.ask(make_sampler(self._spec, self._finished, running))

    def ended(self, record: TrialRecord) -> None:
        new = record.continues is None
        self._finished += new
        self._trained += new and not record.rejected
