"""Picklable messages between the search and the processes that train its candidates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from socket import socket
from typing import Any, Literal, Protocol

from gansearch.candidate import Candidate
from gansearch.signals import Remedy, Row, Verdict
from gansearch.trial_record import Rung


@dataclass(frozen=True)
class Rank:
    """One of the processes that train a candidate together; by default the only one."""

    rank: int = 0
    """Index from 0. Rank 0 alone talks to the driver, measures and writes files."""
    size: int = 1
    """Number of processes."""
    port: int = 0
    """Port on the loopback interface at which the processes meet."""
    listener: socket | None = None
    """Socket that listens at the port, for rank 0."""


@dataclass(frozen=True)
class Job:
    """One trial to train and judge."""

    trial: int
    candidate: Candidate
    folder: Path
    """Folder for the trial's files."""
    seed: int | None = None
    """Seed of weights, latents and batches in place of the study's."""
    resume_from: Path | None = None
    """Folder with a checkpoint of the same candidate to resume from."""
    alone: bool = False
    """Exclusive use of its GPU."""
    rank: Rank = Rank()


@dataclass(frozen=True)
class Progress:
    """Progress of a trial, with the signals of the last step that was read."""

    trial: int
    step: int
    steps: int
    steps_per_second: float
    signals: Mapping[str, float]
    verdict: Verdict
    rows: Sequence[Row] = ()
    """Signals of every step since the last progress, up to `step`."""


class Decision(Enum):
    """Decision about a trial that has reached a rung."""

    CONTINUE = "continue"
    PAUSE = "pause"
    """End now and keep the checkpoint, so that the trial can be promoted later."""
    STOP = "stop"
    """End now for good; the checkpoint is removed."""


@dataclass(frozen=True)
class AtRung:
    """A trial has reached a rung and waits for a decision."""

    trial: int
    rungs: Sequence[Rung]
    """All rungs reached so far; the trial waits at the last one."""


@dataclass(frozen=True)
class Outcome:
    """End of a trial that completed, was condemned by a detector, or ended at a rung."""

    verdict: Verdict
    steps: int
    seconds: float
    rungs: Sequence[Rung] = ()
    """Measurements at each rung that was reached."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    signals: Mapping[str, float] = field(default_factory=dict)
    """Means over the last 100 steps."""
    remedies: Sequence[Remedy] = ()
    """Suggestions for the next try, best first."""
    stamp: Mapping[str, Any] = field(default_factory=dict)
    """Conditions of the figures: data, extractor, sample count, device, precision, memory."""
    decision: Decision = Decision.CONTINUE
    """Last decision at a rung: PAUSE or STOP where it ended the trial."""
    kept_step: int | None = None
    """Step whose generator was kept and measured; None for the last one."""


@dataclass(frozen=True)
class Crash:
    """End of a trial for a reason outside the candidate's training."""

    kind: Literal["raised", "out-of-memory", "died", "machine"]
    """`machine` for a full disk and the like: it says nothing of the candidate."""
    message: str
    traceback: str = ""
    crowded: bool = False
    """True when memory ran out on a GPU that other candidates may have been using."""


class StoppedError(Exception):
    """Raised out of a training that was asked to stop, once its checkpoint is written."""


class PeerLostError(Exception):
    """Raised out of a training whose other ranks are gone.

    It does not say why: the process that started the ranks finds out.
    """


Ending = Outcome | Crash


@dataclass(frozen=True)
class Ended:
    """A trial has ended."""

    trial: int
    ending: Ending


Event = Progress | AtRung | Ended


class Channel(Protocol):
    """Connection of a training process to the driver.

    A trial that is silent for `executor.heartbeat_timeout` seconds is taken to hang.
    """

    def progress(self, progress: Progress) -> None:
        """Report progress.

        Raises:
            StoppedError: when the trial should stop.
        """

    def at_rung(self, at_rung: AtRung) -> Decision:
        """Report a rung and wait for the decision.

        Raises:
            StoppedError: when the trial should stop.
        """

    def heartbeat(self) -> None:
        """Report that the trial is alive, before work that takes long without progress."""

    def waiting(self) -> None:
        """Report that the trial waits for a resource; called several times a second.

        Raises:
            StoppedError: when the trial should stop.
        """


Evaluate = Callable[[Job, Channel], Outcome]
"""Function that trains and judges a candidate; picklable, since it runs in a worker process.

Where several ranks train a candidate together, the outcome of rank 0 counts.
"""
