"""The local executor: one process a candidate, on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import psutil

from gansearch.search.worker import Terms, Worker, listen, start_server, task_of
from gansearch.trial import AtRung, Ended, Evaluate, Event, Job, Progress

WORKER_MEMORY = 1_000_000_000
"""Bytes that `workers: auto` reckons with for a worker."""


@dataclass(frozen=True)
class Places:
    """How many candidates are trained at a time, and what each of them gets."""

    workers: int
    threads: int
    gpus: int

    @classmethod
    def here(cls, workers: int | Literal["auto"], gpus: int) -> Places:
        """Share this machine out: the threads of all workers add up to its cores."""
        cores = count_cores()
        count = max(1, min(gpus or cores, workers_in_memory())) if workers == "auto" else workers
        return cls(count, max(1, cores // count), gpus)


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
    """Trains each job in a fresh process of this machine."""

    def __init__(self, evaluate: Evaluate, places: Places, silence_limit: float | None = None) -> None:
        self.slots = places.workers
        self._evaluate, self._places = evaluate, places
        self._terms = Terms(places.threads, silence_limit)
        self._workers: dict[int, Worker] = {}
        self._slot_of: dict[int, int] = {}
        start_server(places.threads)

    def submit(self, job: Job) -> None:
        slot = min(set(range(self.slots)) - {self._slot_of[trial] for trial in self._workers})
        gpu = slot % self._places.gpus if self._places.gpus else None
        name = f"gansearch-trial-{job.trial}"
        self._workers[job.trial] = Worker(task_of(self._evaluate, job), self._terms, name, gpu)
        self._slot_of[job.trial] = slot

    def events(self, timeout: float) -> Sequence[Event]:
        events: list[Event] = []
        for trial, messages in listen(self._workers, timeout).items():
            for message in messages:
                if isinstance(message, (Progress, AtRung)):
                    events.append(message)
                else:
                    del self._workers[trial]
                    events.append(Ended(trial, message))
        return events

    def answer(self, trial: int, *, go_on: bool) -> None:
        if worker := self._workers.get(trial):
            worker.say(go_on)

    def stop(self, grace: float) -> None:
        for worker in self._workers.values():
            worker.say(None)
        deadline = time.monotonic() + grace
        for worker in self._workers.values():
            worker.end(deadline - time.monotonic())
        self._workers.clear()
