"""The local executor: one process per candidate, or a group of several, on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import psutil

from gansearch.errors import GansearchError
from gansearch.execution.container import cores_allowed, memory_left
from gansearch.execution.worker import pickle_task, start_forkserver
from gansearch.execution.worker_group import WorkerGroup, WorkerLimits, receive_all
from gansearch.messages import AtRung, Decision, Ended, Evaluate, Event, Job, Progress
from gansearch.study.spec import ExecutorSpec

WORKER_MEMORY = 1_000_000_000
"""Bytes that `workers: auto` assumes for a worker."""


@dataclass(frozen=True)
class LocalResources:
    """Number of candidates trained side by side, and resources of each."""

    candidates: int
    threads: int
    """Threads per process."""
    gpus: int
    processes: int = 1
    """Processes per candidate."""

    @classmethod
    def divide(
        cls, candidates: int | Literal["auto"], gpus: int, processes: int = 1
    ) -> LocalResources:
        """Divide this machine's cores and GPUs among the candidates.

        Raises:
            GansearchError: when there are GPUs, but fewer than processes per candidate.
        """
        if 0 < gpus < processes > 1:
            raise GansearchError(
                f"executor.workers_per_candidate: {processes} needs as many GPUs, and this machine "
                f"has {gpus}; with training.device: cpu it needs none"
            )
        cores = count_cores()
        if candidates == "auto":
            count = max(1, min(gpus or cores, workers_in_memory()) // processes)
        else:
            count = candidates
        return cls(count, threads_per_process(cores, count * processes), gpus, processes)

    def gpus_of(self, slot: int) -> Sequence[int]:
        """Return the GPU index of each process of the candidate in a slot."""
        if not self.gpus:
            return []
        first = slot * self.processes
        return [(first + rank) % self.gpus for rank in range(self.processes)]


def threads_per_process(cores: int, processes: int) -> int:
    """Return the same number of threads for every process, since latencies depend on it."""
    return max(1, cores // processes)


def count_cores() -> int:
    """Return the number of cores that this process may use, at least 1."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    allowed = cores_allowed()
    return cores if allowed is None else max(1, min(cores, int(allowed)))


def workers_in_memory() -> int:
    """Return the number of workers that fit into the free memory."""
    available = psutil.virtual_memory().available
    left = memory_left()
    return int((available if left is None else min(available, left)) // WORKER_MEMORY)


def local_resources(spec: ExecutorSpec, device: str) -> LocalResources:
    """Divide the cores and GPUs of this machine among the candidates of a study.

    Args:
        spec: the study's `executor`.
        device: the study's `training.device`.

    Raises:
        GansearchError: when there are GPUs, but fewer than processes per candidate.
    """
    # Here and not at the top, since a driver that trains on Ray has no need of torch.
    import torch

    # A device that is named, such as `cuda:1`, is shared by all workers, so it is not counted.
    gpus = torch.cuda.device_count() if device in ("auto", "cuda") else 0
    return LocalResources.divide(spec.workers, gpus, spec.workers_per_candidate)


def prepare_workers(spec: ExecutorSpec, device: str) -> None:
    """Start the process from which local workers are forked, which needs seconds to be ready.

    A command calls this as soon as it has read the study; otherwise the executor does.
    """
    if spec.use == "local":
        start_forkserver(local_resources(spec, device).threads)


@contextmanager
def local_executor(evaluate: Evaluate, spec: ExecutorSpec, device: str) -> Iterator[LocalExecutor]:
    """Give an executor among whose slots the cores and GPUs of this machine are divided.

    Args:
        evaluate: trains and judges a candidate.
        spec: the study's `executor`.
        device: the study's `training.device`.

    Raises:
        GansearchError: when there are GPUs, but fewer than processes per candidate.
    """
    yield LocalExecutor(evaluate, local_resources(spec, device), spec.heartbeat_timeout)


class LocalExecutor:
    """Executor that trains each job in new processes of this machine."""

    def __init__(
        self,
        evaluate: Evaluate,
        resources: LocalResources,
        heartbeat_timeout: float | None = None,
    ) -> None:
        self.slots = resources.candidates
        self._evaluate, self._resources = evaluate, resources
        self._limits = WorkerLimits(resources.threads, heartbeat_timeout, resources.processes)
        self._groups: dict[int, WorkerGroup] = {}
        self._slot_of: dict[int, int] = {}
        start_forkserver(resources.threads)

    def submit(self, job: Job) -> None:
        slot = min(set(range(self.slots)) - {self._slot_of[trial] for trial in self._groups})
        self._groups[job.trial] = WorkerGroup(
            pickle_task(self._evaluate, job),
            self._limits,
            name=f"gansearch-trial-{job.trial}",
            gpus=self._resources.gpus_of(slot),
        )
        self._slot_of[job.trial] = slot

    def events(self, timeout: float) -> Sequence[Event]:
        events: list[Event] = []
        for trial, messages in receive_all(self._groups, timeout).items():
            for message in messages:
                if isinstance(message, (Progress, AtRung)):
                    events.append(message)
                else:
                    del self._groups[trial]
                    events.append(Ended(trial, message))
        return events

    def answer(self, trial: int, decision: Decision) -> None:
        if group := self._groups.get(trial):
            group.send(decision)

    def stop(self, grace: float) -> None:
        for group in self._groups.values():
            group.send(None)
        deadline = time.monotonic() + grace
        for group in self._groups.values():
            group.end(deadline - time.monotonic())
        self._groups.clear()
