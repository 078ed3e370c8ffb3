"""Time budget of a search: no trial is started that would leave too little for certification."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from gansearch.messages import Progress
from gansearch.search.listener import Listener
from gansearch.search.remaining_time import TRAINED, TrainingPace, Work, certification_work
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord


class TimeBudget(Listener):
    """Wall-clock time of a search with its certification, which observes the pace of the trials.

    Running trials are trained to their end. So a search ends a little early, or late where the
    trials to come take longer than those before.
    """

    def __init__(
        self,
        spec: StudySpec,
        steps: int,
        seconds: float,
        *,
        certifies: bool,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin now.

        Args:
            spec: the study.
            steps: steps of a whole training.
            seconds: time from now on.
            certifies: leave time for a certification.
            now: clock, in seconds.
        """
        self._spec, self._steps, self._certifies, self._now = spec, steps, certifies, now
        self._ends_at = now() + seconds
        self._pace = TrainingPace()
        self._records: dict[int, TrialRecord] = {}
        self._slots = 1
        self._reserve: float | None = None

    def began(self, records: Sequence[TrialRecord], slots: int) -> None:
        """Observe the start of a search from these trials, with so many slots."""
        self._records, self._slots = {record.number: record for record in records}, slots
        for record in records:
            self._pace.learn(record)

    def started(self, record: TrialRecord) -> None:
        """Observe that a trial takes a slot."""
        self._pace.started(record, self._now())

    def progressed(self, progress: Progress) -> None:
        """Observe the speed of a running trial."""
        self._pace.progressed(progress.trial, progress)

    def ended(self, record: TrialRecord) -> None:
        """Observe that a trial ended, or was paused at a rung."""
        self._records[record.number] = record
        self._pace.ended(record, self._now())
        self._reserve = None

    @property
    def is_over(self) -> bool:
        """True once all of the time has passed."""
        return self._now() >= self._ends_at

    @property
    def is_spent(self) -> bool:
        """True if a trial that started now would not leave the time of the certification."""
        trial = self._pace.seconds([Work(TRAINED * self._steps)], 1)
        if trial is None:  # the first trial starts whatever the budget
            return bool(self._records) and self.is_over
        if self._reserve is None:
            self._reserve = 0.0
            if self._certifies:
                work = certification_work(self._spec, self._steps, [*self._records.values()])
                self._reserve = self._pace.seconds(work, self._slots) or 0.0
        return self._now() + trial + self._reserve > self._ends_at
