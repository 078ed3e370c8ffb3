"""Listeners: observers of a search."""

from __future__ import annotations

from collections.abc import Sequence

from gansearch.messages import Progress
from gansearch.signals import Remedy
from gansearch.trial_record import Rejection, TrialRecord


class Listener:
    """Observer of a search, such as a live table. Override what you want to observe."""

    def began(self, records: Sequence[TrialRecord], slots: int) -> None:
        """Observe the start of a search from these trials, with so many slots."""

    def started(self, record: TrialRecord) -> None:
        """Observe the start of a training: of a new, a promoted or an interrupted trial."""

    def progressed(self, progress: Progress) -> None:
        """Observe the step and signals of a trial."""

    def rescuing(self, record: TrialRecord, remedy: Remedy) -> None:
        """Observe that a trial's first run ended badly and a second one starts, with a remedy."""

    def retrying(self, record: TrialRecord, reason: str) -> None:
        """Observe that a trial's process died and it is trained again from its last checkpoint."""

    def ended(self, record: TrialRecord) -> None:
        """Observe that a trial ended, or was paused at a rung."""

    def rejected(self, rejection: Rejection) -> None:
        """Observe that a candidate was refused before training."""

    def exhausted(self) -> None:
        """Observe that every candidate of the search space has been tried."""

    def idle(self) -> None:
        """Do what is due; called about four times a second."""


class ListenerGroup(Listener):
    """Several listeners as one, called in their order."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def began(self, records: Sequence[TrialRecord], slots: int) -> None:
        for listener in self._listeners:
            listener.began(records, slots)

    def started(self, record: TrialRecord) -> None:
        for listener in self._listeners:
            listener.started(record)

    def progressed(self, progress: Progress) -> None:
        for listener in self._listeners:
            listener.progressed(progress)

    def rescuing(self, record: TrialRecord, remedy: Remedy) -> None:
        for listener in self._listeners:
            listener.rescuing(record, remedy)

    def retrying(self, record: TrialRecord, reason: str) -> None:
        for listener in self._listeners:
            listener.retrying(record, reason)

    def ended(self, record: TrialRecord) -> None:
        for listener in self._listeners:
            listener.ended(record)

    def rejected(self, rejection: Rejection) -> None:
        for listener in self._listeners:
            listener.rejected(rejection)

    def exhausted(self) -> None:
        for listener in self._listeners:
            listener.exhausted()

    def idle(self) -> None:
        for listener in self._listeners:
            listener.idle()
