"""The local executor: one process a candidate, on this machine.

A process that crashes, runs out of memory or is killed costs its own candidate and no other; one
whose driver dies ends itself.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Literal

import psutil

from gansearch.trial import AtRung, Crash, Ended, Ending, Evaluate, Event, Job, Progress, StoppedError

WORKER_MEMORY = 1_000_000_000
"""Bytes that `workers: auto` reckons with for a worker."""
PRELOADED = ["gansearch.search.evaluate"]


@dataclass(frozen=True)
class Places:
    """How many candidates are trained at a time, and what each of them gets."""

    workers: int
    threads: int
    gpus: int

    @classmethod
    def here(cls, workers: int | Literal["auto"], gpus: int) -> Places:
        """Share this machine out: the threads of all workers add up to its cores."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        memory = int(psutil.virtual_memory().available // WORKER_MEMORY)
        count = max(1, min(gpus or cores, memory)) if workers == "auto" else workers
        return cls(count, max(1, cores // count), gpus)


def count_gpus(device: str) -> int:
    """GPUs that `auto` or `cuda` may use; one that is named, `cuda:1`, is shared by all workers."""
    import torch

    return torch.cuda.device_count() if device in ("auto", "cuda") else 0


class _Worker:
    """A child process and the driver's end of its pipe."""

    def __init__(self, process: BaseProcess, connection: Connection, slot: int) -> None:
        self.process, self.connection, self.slot = process, connection, slot


class LocalExecutor:
    """Trains each job in a fresh process that is forked from a server with torch loaded."""

    def __init__(self, evaluate: Evaluate, places: Places) -> None:
        self.slots = places.workers
        self._evaluate, self._places = evaluate, places
        self._workers: dict[int, _Worker] = {}
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        # Read when the server loads torch; a worker's own threads are set in the worker.
        os.environ.setdefault("OMP_NUM_THREADS", str(places.threads))
        # Threads that wait by spinning keep each other from working as soon as a core is shared; those
        # that never spin lose all that they gain. Measured: 11 ms a step and 50 beside a busy process,
        # against 11 and over 200 by default, and 19 with OMP_WAIT_POLICY=PASSIVE.
        os.environ.setdefault("GOMP_SPINCOUNT", "5000")
        _start_server()

    def submit(self, job: Job) -> None:
        slot = min(set(range(self.slots)) - {worker.slot for worker in self._workers.values()})
        ours, theirs = self._context.Pipe()
        gpu = slot % self._places.gpus if self._places.gpus else None
        process = self._context.Process(
            target=_work,
            args=(self._evaluate, job, theirs, self._places.threads, gpu),
            name=f"gansearch-trial-{job.trial}",
            daemon=True,
        )
        process.start()
        theirs.close()
        self._workers[job.trial] = _Worker(process, ours, slot)

    def events(self, timeout: float) -> Sequence[Event]:
        ready = set(wait([worker.connection for worker in self._workers.values()], timeout))
        events: list[Event] = []
        for trial, worker in list(self._workers.items()):
            if worker.connection in ready:
                events += self._receive(trial, worker)
        return events

    def answer(self, trial: int, *, go_on: bool) -> None:
        _send(self._workers[trial].connection, go_on)

    def stop(self, grace: float) -> None:
        for worker in self._workers.values():
            _send(worker.connection, None)
        deadline = time.monotonic() + grace
        for worker in self._workers.values():
            worker.process.join(max(0.0, deadline - time.monotonic()))
            worker.process.kill()
            worker.process.join()
        self._workers.clear()

    def _receive(self, trial: int, worker: _Worker) -> list[Event]:
        """All that a worker has sent; a closed pipe without an ending means that it died."""
        events: list[Event] = []
        try:
            while worker.connection.poll():
                message: Progress | AtRung | Ending = pickle.loads(worker.connection.recv_bytes())
                if isinstance(message, (Progress, AtRung)):
                    events.append(message)
                else:
                    return [*events, Ended(trial, self._part_with(trial, message))]
        except (EOFError, OSError):
            worker.process.join()
            return [*events, Ended(trial, self._part_with(trial, _death(worker.process.exitcode)))]
        return events

    def _part_with(self, trial: int, ending: Ending) -> Ending:
        worker = self._workers.pop(trial)
        worker.process.join()
        worker.connection.close()
        return ending


def _start_server() -> None:
    """Start what workers are forked from, deaf to the Ctrl-C that reaches all processes of a terminal.

    It would hear it while it loads torch, and die. The mask is inherited; what comes meanwhile waits.
    """
    resource_tracker.ensure_running()  # first, as it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _death(exit_code: int | None) -> Crash:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = ", as the system does when memory runs out" if name == "SIGKILL" else ""
        return Crash("died", f"its process was ended by {name}{hint}")
    return Crash("died", f"its process ended with exit code {exit_code} and no word")


def _send(connection: Connection, word: bool | None) -> None:
    """Tell a worker whether to go on from a rung; None is to stop, at a rung or anywhere."""
    try:
        connection.send(word)
    except OSError:  # it is gone already
        return


# --------------------------------------------------------------------------------------------------
# In the worker


class _Line:
    """A worker's end of the pipe."""

    def __init__(self, driver: Connection) -> None:
        self._driver = driver

    def progress(self, progress: Progress) -> None:
        self.send(progress)
        if self._driver.poll():
            raise StoppedError

    def at_rung(self, at_rung: AtRung) -> bool:
        self.send(at_rung)
        word: bool | None = self._driver.recv()
        if word is None:
            raise StoppedError
        return word

    def send(self, message: Progress | AtRung | Ending) -> None:
        self._driver.send_bytes(pickle.dumps(message))


def _work(evaluate: Evaluate, job: Job, driver: Connection, threads: int, gpu: int | None) -> None:
    """Train one job and tell the driver how it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us all; the driver decides
    _end_with_driver()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = _name_of_gpu(gpu)
    import torch

    from gansearch.training.precision import keep_freed_memory

    torch.set_num_threads(threads)
    keep_freed_memory()

    line = _Line(driver)
    ending: Ending
    try:
        ending = evaluate(job, line)
    except StoppedError:
        return
    except (Exception, SystemExit) as error:
        ending = _crash(error)
    with contextlib.suppress(OSError):  # the driver is gone, and so will this process be in a moment
        line.send(ending)


def _name_of_gpu(index: int) -> str:
    """What CUDA calls the GPU of this index among those that we may see."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible.split(",")[index].strip() if visible else str(index)


def _crash(error: BaseException) -> Crash:
    # torch's CPU allocator raises a plain RuntimeError.
    exhausted = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    exhausted = exhausted or "can't allocate memory" in str(error)
    kind: Literal["out-of-memory", "raised"] = "out-of-memory" if exhausted else "raised"
    return Crash(kind, f"{type(error).__name__}: {error}", traceback.format_exc())


def _end_with_driver() -> None:
    """End this process as soon as its driver is gone: nobody would hear what it finds out."""
    driver = multiprocessing.parent_process()
    if driver is None:
        return

    def watch() -> None:
        wait([driver.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="end-with-driver", daemon=True).start()
