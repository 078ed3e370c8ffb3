"""A worker: one process that trains one job, alone or in a team, and the pipe to whoever started it.

Every executor trains in such processes, so that a candidate that crashes, runs out of memory, hangs or
is killed costs itself and no other, and is told in the same words wherever it ran. A worker whose
starter dies ends itself.
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
from dataclasses import dataclass, replace
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Literal, TypeGuard

from gansearch.messages import (
    AtRung,
    Crash,
    Ending,
    Evaluate,
    Job,
    Outcome,
    PeerLostError,
    Progress,
    Rank,
    StoppedError,
)

PRELOADED = ["gansearch.execution.trial_runner"]
LATE = 10.0
"""Seconds within which whoever started a team finds the worker that died."""
EXHAUSTED_GPU = (
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
"""What CUDA and its libraries say where they, and not torch's allocator, find a GPU's memory taken."""


Message = Progress | AtRung | Ending
"""What a worker tells; nothing comes after an ending."""
Reply = bool | None
"""What it is told: whether to go on from a rung, or, None, to keep a checkpoint and end."""


@dataclass(frozen=True)
class Heartbeat:
    """Told where there is no progress to tell; it goes no further than who started the worker."""


def task_of(evaluate: Evaluate, job: Job) -> bytes:
    """What a worker is to do, in a form that whoever passes it on need not understand."""
    return pickle.dumps((evaluate, job))


def start_server(threads: int) -> None:
    """Start what workers are forked from, deaf to the Ctrl-C that reaches all processes of a terminal.

    It would hear it while it loads torch, and die. The mask is inherited; what comes meanwhile waits.
    """
    # Read when the server loads torch; a worker's own threads are set in the worker.
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    # Threads that wait by spinning keep each other from working as soon as a core is shared; those
    # that never spin lose all that they gain. Measured: 11 ms a step and 50 beside a busy process,
    # against 11 and over 200 by default, and 19 with OMP_WAIT_POLICY=PASSIVE.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOADED)
    resource_tracker.ensure_running()  # first, as it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Worker:
    """A process that is forked from a server with torch loaded, and this side's end of its pipe."""

    def __init__(
        self, task: bytes, seat: Rank, threads: int, name: str, gpu: int | None = None
    ) -> None:
        context = multiprocessing.get_context("forkserver")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_work, args=(task, seat, theirs, threads, gpu), name=name, daemon=True
        )
        self._process.start()
        theirs.close()

    def receive(self) -> list[Message | Heartbeat]:
        """All that it has sent; however it ends, the last is its ending, and then there is no more to receive."""
        messages: list[Message | Heartbeat] = []
        try:
            while self.connection.poll():
                messages.append(pickle.loads(self.connection.recv_bytes()))
                if is_ending(messages[-1]):
                    self._part()
                    return messages
        except (EOFError, OSError):
            self._part()
            return [*messages, _death(self._process.exitcode)]
        return messages

    def say(self, word: Reply) -> None:
        """Tell it something; one that is gone already does not hear it."""
        with contextlib.suppress(OSError):
            self.connection.send(word)

    def end(self, grace: float) -> None:
        """Wait for so many seconds for it to end, then end it."""
        self._process.join(max(0.0, grace))
        self._process.kill()
        self._part()

    def _part(self) -> None:
        self._process.join()
        self.connection.close()


def is_ending(message: object) -> TypeGuard[Ending]:
    """Whether nothing comes after it."""
    return isinstance(message, (Outcome, Crash))


def _death(exit_code: int | None) -> Crash:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = ", as the system does when memory runs out" if name == "SIGKILL" else ""
        return Crash("died", f"its process was ended by {name}{hint}")
    return Crash("died", f"its process ended with exit code {exit_code} and no word")


# --------------------------------------------------------------------------------------------------
# In the worker


class _PipeChannel:
    """A worker's end of the pipe."""

    def __init__(self, starter: Connection) -> None:
        self._starter = starter

    def progress(self, progress: Progress) -> None:
        self.send(progress)
        if self._starter.poll():
            raise StoppedError

    def at_rung(self, at_rung: AtRung) -> bool:
        self.send(at_rung)
        word: Reply = self._starter.recv()
        if word is None:
            raise StoppedError
        return word

    def at_work(self) -> None:
        self.send(Heartbeat())

    def waiting(self) -> None:
        self.at_work()
        if self._starter.poll():
            raise StoppedError

    def send(self, message: Message | Heartbeat) -> None:
        self._starter.send_bytes(pickle.dumps(message))


class _NullChannel:
    """A line that leads nowhere: of all workers of a team but the first, from which they hear what it is told."""

    def progress(self, progress: Progress) -> None:
        pass

    def at_rung(self, at_rung: AtRung) -> bool:
        return True

    def at_work(self) -> None:
        pass

    def waiting(self) -> None:
        pass


def _work(task: bytes, seat: Rank, starter: Connection, threads: int, gpu: int | None) -> None:
    """Train one job and tell how it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us all; the driver decides
    _end_with_starter()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = name_of_gpu(gpu)
    import torch

    from gansearch.training.precision import keep_freed_memory

    torch.set_num_threads(threads)
    keep_freed_memory()

    line = _PipeChannel(starter)
    ending: Ending
    alone = False
    try:
        evaluate, job = pickle.loads(task)
        alone = job.alone
        ending = evaluate(replace(job, seat=seat), line if seat.rank == 0 else _NullChannel())
    except StoppedError:
        return
    except PeerLostError as error:
        time.sleep(
            LATE
        )  # it is for the one that died to be told, and our starter is about to see it
        ending = Crash("died", str(error))
    except (Exception, SystemExit) as error:
        ending = _crash(error, alone=alone)
    with contextlib.suppress(
        OSError
    ):  # the starter is gone, and so will this process be in a moment
        line.send(ending)


def name_of_gpu(index: int) -> str:
    """What CUDA calls the GPU of this index among those that we may see."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible.split(",")[index].strip() if visible else str(index)


def _crash(error: BaseException, *, alone: bool) -> Crash:
    # torch's allocator of a GPU raises an error of its own, and that of the CPU a plain RuntimeError.
    of_gpu = type(error).__name__ == "OutOfMemoryError" or any(
        map(str(error).__contains__, EXHAUSTED_GPU)
    )
    exhausted = of_gpu or isinstance(error, MemoryError) or "can't allocate memory" in str(error)
    kind: Literal["out-of-memory", "raised"] = "out-of-memory" if exhausted else "raised"
    message = f"{type(error).__name__}: {error}"
    return Crash(kind, message, traceback.format_exc(), crowded=of_gpu and not alone)


def _end_with_starter() -> None:
    """End this process as soon as its starter is gone: nobody would hear what it finds out."""
    starter = multiprocessing.parent_process()
    if starter is None:
        return

    def watch() -> None:
        wait([starter.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="end-with-starter", daemon=True).start()
