"""Searchers: decide which candidate is trained next, and when nothing is left to train."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from optuna.samplers import RandomSampler
from optuna.trial import Trial

from gansearch.search.enumeration import Parameters, enumerated
from gansearch.search.samplers import KINDS, make_sampler, seed_of
from gansearch.storage.trial_attributes import BASELINE, GIVEN, VARIATION
from gansearch.storage.trial_store import TrialStore
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import SearchSpec
from gansearch.trial_record import Rejection, TrialRecord

REPEATS_ALLOWED = 10
"""Candidates already tried that a sampler may propose in a row before an untried one is drawn."""
LARGEST_GRID = 4096
"""Candidates up to which a finite space is enumerated to find those that were never tried."""


class Searcher(Protocol):
    """Policy of a search or of a certification; the driver carries it out."""

    def begin(self, records: Sequence[TrialRecord]) -> None:
        """Start from the trials of an earlier session."""

    def next_trial(self, running: int) -> Trial | None:
        """Return a trial to start beside so many that run: a new one, or a paused one to promote.

        None means that there is none now; the driver asks again when a trial has ended.
        """

    def rejected(self, rejection: Rejection) -> None:
        """Record that the candidate of the last new trial was refused before training."""

    def ended(self, record: TrialRecord) -> None:
        """Record that a trial ended or was paused."""

    @property
    def exhausted(self) -> bool:
        """True if every candidate of the search space has been tried."""


class SamplerSearcher:
    """Candidates that the study names, then those that an Optuna sampler proposes."""

    def __init__(self, spec: SearchSpec, space: SearchSpace, store: TrialStore) -> None:
        self._spec, self._space, self._store = spec, space, store
        self._begun = 0
        self._repeats = 0
        self.exhausted = False

    def begin(self, records: Sequence[TrialRecord]) -> None:
        self._begun = len(records)
        named = 1 + len(self._space.queued_parameters)
        candidates = self._space.given(self._spec)
        for i in range(self._store.named, len(candidates)):
            marks = {VARIATION: True}
            if i < named:
                marks = {GIVEN: True, BASELINE: i == 0}
            self._store.enqueue(candidates[i], **marks)

    def next_trial(self, running: int) -> Trial | None:
        if self._store.has_queued:
            self._begun += 1
            return self._store.ask(RandomSampler())  # which draws nothing: all values are given
        if not KINDS[self._spec.sampler].proposes:
            return None
        if self.exhausted or self._begun >= self._spec.trials:
            return self._promote()
        return self._propose(running)

    def _propose(self, running: int) -> Trial | None:
        """Return a new candidate; None if the space is exhausted."""
        if self._repeats >= REPEATS_ALLOWED and (untried := self._untried()) is not None:
            if not untried:
                self.exhausted = True
                return None
            draw = random.Random(seed_of(self._spec, self._store.asked))
            self._store.enqueue(draw.choice(untried))
        self._begun += 1
        return self._store.ask(make_sampler(self._spec, self._store.asked))

    def _promote(self) -> Trial | None:
        """Return a paused trial to train on once there are enough trials."""
        return None

    def _untried(self) -> list[Parameters] | None:
        """Return the candidates neither trained nor refused; None where the space is too large."""
        candidates = enumerated(self._space, LARGEST_GRID)
        if candidates is None:
            return None
        tried = {record.identity for record in self._store.records()}
        refused = [rejection.parameters for rejection in self._store.rejections()]
        return [
            parameters
            for parameters in candidates
            if self._space.candidate(parameters).identity not in tried and parameters not in refused
        ]

    def rejected(self, rejection: Rejection) -> None:
        self._begun -= 1
        self._repeats += 1

    def ended(self, record: TrialRecord) -> None:
        self._repeats = 0
