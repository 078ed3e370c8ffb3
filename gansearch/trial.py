"""What crosses between the search and whoever trains a candidate: plain, picklable records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gansearch.candidate import Candidate
from gansearch.signals import Remedy, Verdict


@dataclass(frozen=True)
class Job:
    """One trial to be trained and judged."""

    trial: int
    candidate: Candidate
    folder: Path
    """Where the trial keeps its files."""
    resume_from: Path | None = None
    """The folder of an interrupted trial of the same candidate, whose checkpoint may be taken up."""


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
class Outcome:
    """A trial that ended by itself, healthy or not."""

    verdict: Verdict
    steps: int
    seconds: float
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


class StoppedError(Exception):
    """Raised out of a training that was asked to stop; its checkpoint is written."""


Ending = Outcome | Crash


@dataclass(frozen=True)
class Ended:
    """A trial's ending, as an event."""

    trial: int
    ending: Ending


Event = Progress | Ended
Report = Callable[[Progress], None]
"""Tells the driver how far a trial is. Raises `StoppedError` where the trial should stop."""
Evaluate = Callable[[Job, Report], Outcome]
"""Trains and judges; runs in a worker's process, so it must be picklable."""
