"""What the driver asks of whatever trains its candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gansearch.messages import Decision, Event, Job


class Executor(Protocol):
    """A number of places in which candidates are trained side by side."""

    slots: int

    def submit(self, job: Job) -> None:
        """Start a job; there must be a free slot. A trial that has ended may be submitted again, for a second run."""

    def events(self, timeout: float) -> Sequence[Event]:
        """What has happened since the last call; waits for at most so many seconds, or until something does.

        A job that was submitted ends with exactly one `Ended`, however it dies.
        """

    def answer(self, trial: int, decision: Decision) -> None:
        """Tell a trial that waits at a rung whether it may go on; one that may not ends with its `Outcome`.

        One that has died meanwhile hears nothing.
        """

    def stop(self, grace: float) -> None:
        """Ask every running job to keep a checkpoint and end; after `grace` seconds, end them."""
