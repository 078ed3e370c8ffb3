"""What crosses between the search and whoever trains a candidate: plain, picklable records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from socket import socket
from typing import Any, Literal, Protocol

from gansearch.candidate import Candidate
from gansearch.signals import Remedy, Verdict
from gansearch.trial_record import Rung


@dataclass(frozen=True)
class Rank:
    """Which of the processes that train a candidate together one is; by default it is alone."""

    rank: int = 0
    """From 0; that one alone talks to the driver, measures and writes."""
    size: int = 1
    port: int = 0
    """Of this machine, where they meet."""
    listener: socket | None = None
    """What listens there, for the one that serves it."""


@dataclass(frozen=True)
class Job:
    """One trial to be trained and judged."""

    trial: int
    candidate: Candidate
    folder: Path
    """Where the trial keeps its files."""
    seed: int | None = None
    """Instead of the study's, for what draws weights, latents and batches."""
    resume_from: Path | None = None
    """The folder of an interrupted trial of the same candidate, whose checkpoint may be taken up."""
    alone: bool = False
    """Whether it is to have its GPU to itself."""
    seat: Rank = Rank()


@dataclass(frozen=True)
class Progress:
    """How far a trial is. Signals are those of the last step that was read."""

    trial: int
    step: int
    steps: int
    steps_per_second: float
    signals: Mapping[str, float]
    verdict: Verdict


@dataclass(frozen=True)
class AtRung:
    """A trial has come to a rung, and waits for the word whether it may go on."""

    trial: int
    rungs: Sequence[Rung]
    """All that it has reached; it is at the last one."""


@dataclass(frozen=True)
class Outcome:
    """A trial that ended by itself, healthy or not, or was told to end at a rung."""

    verdict: Verdict
    steps: int
    seconds: float
    rungs: Sequence[Rung] = ()
    """What it was worth at each rung that it reached."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    signals: Mapping[str, float] = field(default_factory=dict)
    """Means over the last 100 steps."""
    remedies: Sequence[Remedy] = ()
    """What to try next, best first."""
    stamp: Mapping[str, Any] = field(default_factory=dict)
    """What the figures depend on: data, extractor, number of samples, device, precision, memory."""


@dataclass(frozen=True)
class Crash:
    """A trial that ended for a reason outside the candidate's training."""

    kind: Literal["raised", "out-of-memory", "died"]
    message: str
    traceback: str = ""
    crowded: bool = False
    """Whether what ran out was the memory of a GPU that others may have been on."""


class Decision(Enum):
    """Decision about a run at a rung."""

    CONTINUE = "continue"
    PAUSE = "pause"
    """End now with the checkpoint kept; the trial may be promoted later."""
    STOP = "stop"


class StoppedError(Exception):
    """Raised out of a training that was asked to stop; its checkpoint is written."""


class PeerLostError(Exception):
    """Raised out of a training whose other processes are gone; what became of them, who started them knows."""


Ending = Outcome | Crash


@dataclass(frozen=True)
class Ended:
    """A trial's ending, as an event."""

    trial: int
    ending: Ending


Event = Progress | AtRung | Ended


class Channel(Protocol):
    """The line of a trial to its driver, which takes one that is silent for too long to hang."""

    def progress(self, progress: Progress) -> None:
        """Tell how far the trial is. Raises `StoppedError` where it should stop."""

    def at_rung(self, at_rung: AtRung) -> bool:
        """Ask, and wait for the answer, whether the trial may go on. Raises `StoppedError` where it should stop."""

    def at_work(self) -> None:
        """Say that something begins that takes its time without being progress: data are loaded, a metric measured."""

    def waiting(self) -> None:
        """Say that something is waited for, again and again. Raises `StoppedError` where it should stop."""


Evaluate = Callable[[Job, Channel], Outcome]
"""Trains and judges; runs in a worker's process, so it must be picklable.

Of several workers that train a candidate together the first one's outcome counts.
"""
