"""Time budget of a search with its certification, which holds on a machine that becomes slower."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from gansearch.messages import Progress
from gansearch.search.listener import Listener
from gansearch.search.remaining_time import TRAINED, TrainingPace, Work, certification_work
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

RECENT = 8
"""Sampled trials that tell the pace: the latest, as other programs may have slowed the machine."""


class TimeBudget(Listener):
    """Wall-clock time of a search with its certification, which observes the pace of the trials.

    No trial is started that would not leave the time of the certification, and no run of the
    certification that would not end in time. What is still trained at the end of the time is
    stopped, to be taken up by the next run of the study; only a search of which no trial has ended
    goes on until one has.
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
        self._pace = TrainingPace(recent=RECENT)
        self._records: dict[int, TrialRecord] = {}
        self._slots = 1
        self._reserve: float | None = None
        self._searching = True
        self._candidates: dict[int, int] = {}
        """Trial of the search that each run of the certification is, by the number of the run."""
        self._latest: int | None = None
        """Trial of the search whose run of the certification was started last."""

    def begin_certification(self) -> None:
        """Spend what is left on the certification: its runs are observed from now on."""
        self._searching = False

    def began(self, records: Sequence[TrialRecord], slots: int) -> None:
        """Observe the start of a search from these trials, with so many slots."""
        self._records, self._slots = {record.number: record for record in records}, slots
        for record in records:
            self._pace.learn(record)

    def started(self, record: TrialRecord) -> None:
        """Observe that a trial takes a slot."""
        if record.certifies is not None:
            self._candidates[record.number] = self._latest = record.certifies
        self._pace.started(record, self._now())

    def progressed(self, progress: Progress) -> None:
        """Observe the speed of a running trial."""
        self._pace.progressed(self._candidates.get(progress.trial, progress.trial), progress)

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
    def stops_running(self) -> bool:
        """True if the trials that are being trained are to be stopped, as the time is over."""
        return self.is_over and (
            not self._searching or any(record.ended for record in self._records.values())
        )

    @property
    def is_spent(self) -> bool:
        """True if a trial that started now would not leave the time of the certification.

        In the certification: if a run that started now would not end in time.
        """
        share = TRAINED if self._searching else 1.0
        trial = self._pace.seconds([Work(share * self._steps, self._latest)], 1)
        if trial is None:  # the first trial starts whatever the budget
            return bool(self._records) and self.is_over
        if self._reserve is None:
            self._reserve = self._certification_seconds()
        return self._now() + trial + self._reserve > self._ends_at

    def _certification_seconds(self) -> float:
        """Return the seconds to keep for the certification, whose runs share the slots whole."""
        if not (self._searching and self._certifies):
            return 0.0
        work = certification_work(self._spec, self._steps, [*self._records.values()])
        together = self._pace.seconds(work, 1)
        if not work or together is None:
            return 0.0
        return together / len(work) * math.ceil(len(work) / self._slots)
