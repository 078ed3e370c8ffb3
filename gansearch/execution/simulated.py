"""Simulated executor: replays given trainings in virtual time."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gansearch.messages import AtRung, Decision, Ended, Ending, Event, Job, Outcome
from gansearch.signals import HEALTHY
from gansearch.trial_record import Rung


@dataclass(frozen=True)
class SimulatedTraining:
    """A training to replay: its rungs and its ending, at a constant number of steps per second."""

    ending: Ending
    rungs: Sequence[Rung] = ()
    steps: int = 0
    """Step at which it ends."""
    seconds: float = 0.0
    """Virtual seconds from its first step to its ending."""

    @classmethod
    def of(cls, ending: Ending) -> SimulatedTraining:
        """Take rungs, steps and seconds from an outcome; a crash happens immediately."""
        if isinstance(ending, Outcome):
            return cls(ending, ending.rungs, ending.steps, ending.seconds)
        return cls(ending)

    def seconds_until(self, step: int) -> float:
        """Return the virtual seconds from the first step to this one."""
        return self.seconds * step / self.steps if self.steps else self.seconds

    def end_at(self, rungs: int, decision: Decision) -> Outcome:
        """Return the outcome of a training that a decision ends at its `rungs`-th rung."""
        step = self.rungs[rungs - 1].step
        verdict = HEALTHY
        if isinstance(self.ending, Outcome):
            judged = self.ending.verdict
            # Leave out a verdict that a detector would give only later.
            if not judged.failed or (judged.step is not None and judged.step <= step):
                verdict = judged
        seconds = self.seconds_until(step)
        return Outcome(verdict, step, seconds, tuple(self.rungs[:rungs]), decision=decision)


class VirtualClock:
    """Clock of a simulation; it stands still between two events."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Return the virtual seconds since the clock was made."""
        return self._now

    def advance(self, to: float) -> None:
        """Move forward to a time; never back."""
        self._now = max(self._now, to)


Replayed = Ending | SimulatedTraining
Trainings = Callable[[Job], Replayed] | Mapping[str, Replayed]
"""Training of each job: from a function, or from a table by `Candidate.identity`."""


@dataclass
class _Running:
    job: Job
    training: SimulatedTraining
    step: int = 0
    rungs: int = 0
    """Number of rungs that are decided."""
    ended: Outcome | None = None
    """Outcome of a training that a decision has ended."""


@dataclass
class SimulatedExecutor:
    """Replays trainings side by side in virtual time, for tests, benchmarks and dry runs.

    A training waits at each of its rungs for a decision. One that was paused, stopped with the
    search, or crashed after a rung can be resumed from its folder and takes only the remaining
    time. A paused one asks again at its rung, as in a real training.

    Attributes:
        trainings: the training of each job.
        slots: number of trainings side by side.
        clock: virtual time. It moves to the next event whenever events are asked for.
        jobs: all jobs that were submitted, in order.
        busy_seconds: virtual seconds of training, summed over all slots.

    Example:
        >>> executor = SimulatedExecutor(lambda job: Outcome(HEALTHY, steps=100, seconds=60.0))
        >>> executor.submit(Job(0, candidate=None, folder=Path("0")))
        >>> executor.events(timeout=0.0)[0].ending.steps, executor.clock.now()
        (100, 60.0)
    """

    trainings: Trainings
    slots: int = 1
    clock: VirtualClock = field(default_factory=VirtualClock)
    jobs: list[Job] = field(default_factory=list, init=False)
    busy_seconds: float = field(default=0.0, init=False)
    _running: dict[int, _Running] = field(default_factory=dict, init=False)
    _due: list[tuple[float, int, int]] = field(default_factory=list, init=False)
    """Time, order and trial of each event to come, as a heap."""
    _order: Iterator[int] = field(default_factory=itertools.count, init=False)
    _checkpoints: dict[Path, tuple[int, int]] = field(default_factory=dict, init=False)
    """Step and number of decided rungs, by folder."""

    def submit(self, job: Job) -> None:
        if len(self._running) >= self.slots:
            raise RuntimeError(f"trial {job.trial}: all {self.slots} slots are taken")
        self.jobs.append(job)
        if callable(self.trainings):
            replayed = self.trainings(job)
        else:
            replayed = self.trainings[job.candidate.identity]
        if not isinstance(replayed, SimulatedTraining):
            replayed = SimulatedTraining.of(replayed)
        running = _Running(job, replayed)
        if job.resume_from in self._checkpoints:
            running.step, running.rungs = self._checkpoints[job.resume_from]
        self._running[job.trial] = running
        self._schedule(running)

    def events(self, timeout: float) -> Sequence[Event]:
        """Move the clock to the next event, and return all events that are due then."""
        if not self._due:
            return []
        self.clock.advance(self._due[0][0])
        events: list[Event] = []
        while self._due and self._due[0][0] <= self.clock.now():
            _, _, trial = heapq.heappop(self._due)
            running = self._running[trial]
            training = running.training
            if running.ended is None and running.rungs < len(training.rungs):
                events.append(AtRung(trial, tuple(training.rungs[: running.rungs + 1])))
                continue
            del self._running[trial]
            if running.ended is None and not isinstance(training.ending, Outcome):
                self._keep_checkpoint(running)
            events.append(Ended(trial, running.ended or training.ending))
        return events

    def answer(self, trial: int, decision: Decision) -> None:
        running = self._running.get(trial)
        if running is None:
            return
        decided = running.rungs
        running.rungs += 1
        if decision is not Decision.CONTINUE:
            running.ended = running.training.end_at(running.rungs, decision)
        if decision is Decision.PAUSE:
            self._checkpoints[running.job.folder] = (running.step, decided)
        self._schedule(running)

    def stop(self, grace: float) -> None:
        for running in self._running.values():
            self._keep_checkpoint(running)
        self._running.clear()
        self._due.clear()

    def _schedule(self, running: _Running) -> None:
        """Schedule the next rung of a training, or its ending."""
        training, before = running.training, running.step
        if running.ended is None:
            if running.rungs < len(training.rungs):
                running.step = training.rungs[running.rungs].step
            else:
                running.step = training.steps
        seconds = training.seconds_until(running.step) - training.seconds_until(before)
        self.busy_seconds += seconds
        due = self.clock.now() + seconds
        heapq.heappush(self._due, (due, next(self._order), running.job.trial))

    def _keep_checkpoint(self, running: _Running) -> None:
        """Keep the state at the last rung that was decided."""
        if running.rungs > 0:
            step = running.training.rungs[running.rungs - 1].step
            self._checkpoints[running.job.folder] = (step, running.rungs)
