"""The local executor: one process a candidate, or a team of several, on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import psutil

from gansearch.errors import GansearchError
from gansearch.execution.worker import start_server, task_of
from gansearch.execution.worker_group import WorkerGroup, WorkerLimits, listen
from gansearch.messages import AtRung, Decision, Ended, Evaluate, Event, Job, Progress

WORKER_MEMORY = 1_000_000_000
"""Bytes that `workers: auto` reckons with for a worker."""


@dataclass(frozen=True)
class Places:
    """How many candidates are trained at a time, and what each of them gets."""

    candidates: int
    threads: int
    """Of each process."""
    gpus: int
    processes: int = 1
    """That train a candidate together."""

    @classmethod
    def here(cls, candidates: int | Literal["auto"], gpus: int, processes: int = 1) -> Places:
        """Share this machine out: the threads of all processes add up to its cores.

        Raises:
            GansearchError: when it has GPUs, but not one for each process of a candidate.
        """
        if 0 < gpus < processes > 1:
            raise GansearchError(
                f"executor.workers_per_candidate: {processes} needs as many GPUs, and here are {gpus}; "
                "with training.device: cpu it needs none"
            )
        cores = count_cores()
        count = (
            max(1, min(gpus or cores, workers_in_memory()) // processes)
            if candidates == "auto"
            else candidates
        )
        return cls(count, threads_each(cores, count * processes), gpus, processes)

    def gpus_of(self, slot: int) -> Sequence[int]:
        """The GPU of each process of the candidate in a slot, if they have any."""
        first = slot * self.processes
        return [(first + rank) % self.gpus for rank in range(self.processes)] if self.gpus else []


def threads_each(cores: int, processes: int) -> int:
    """Threads of each process, alike in all: with others a candidate would come to other figures, latencies first."""
    return max(1, cores // processes)


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers_in_memory() -> int:
    """Workers for which there is memory now."""
    return int(psutil.virtual_memory().available // WORKER_MEMORY)


def count_gpus(device: str) -> int:
    """GPUs that `auto` or `cuda` may use; one that is named, `cuda:1`, is shared by all workers."""
    import torch

    return torch.cuda.device_count() if device in ("auto", "cuda") else 0


class LocalExecutor:
    """Trains each job in fresh processes of this machine."""

    def __init__(
        self, evaluate: Evaluate, places: Places, heartbeat_timeout: float | None = None
    ) -> None:
        self.slots = places.candidates
        self._evaluate, self._places = evaluate, places
        self._terms = WorkerLimits(places.threads, heartbeat_timeout, places.processes)
        self._teams: dict[int, WorkerGroup] = {}
        self._slot_of: dict[int, int] = {}
        start_server(places.threads)

    def submit(self, job: Job) -> None:
        slot = min(set(range(self.slots)) - {self._slot_of[trial] for trial in self._teams})
        name, gpus = f"gansearch-trial-{job.trial}", self._places.gpus_of(slot)
        self._teams[job.trial] = WorkerGroup(task_of(self._evaluate, job), self._terms, name, gpus)
        self._slot_of[job.trial] = slot

    def events(self, timeout: float) -> Sequence[Event]:
        events: list[Event] = []
        for trial, messages in listen(self._teams, timeout).items():
            for message in messages:
                if isinstance(message, (Progress, AtRung)):
                    events.append(message)
                else:
                    del self._teams[trial]
                    events.append(Ended(trial, message))
        return events

    def answer(self, trial: int, decision: Decision) -> None:
        if team := self._teams.get(trial):
            team.say(decision is Decision.CONTINUE)

    def stop(self, grace: float) -> None:
        for team in self._teams.values():
            team.say(None)
        deadline = time.monotonic() + grace
        for team in self._teams.values():
            team.end(deadline - time.monotonic())
        self._teams.clear()
