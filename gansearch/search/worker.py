"""A worker: one process that trains one job, and the pipe to whoever started it.

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Literal, TypeVar

from gansearch.trial import AtRung, Crash, Ending, Evaluate, Job, Progress, StoppedError

PRELOADED = ["gansearch.search.evaluate"]
Message = Progress | AtRung | Ending
"""What a worker tells; nothing comes after an ending."""
Word = bool | None
"""What it is told: whether to go on from a rung, or, None, to keep a checkpoint and end."""
Key = TypeVar("Key")


@dataclass(frozen=True)
class _AtWork:
    """Told where there is no progress to tell; it goes no further than the pipe."""


@dataclass(frozen=True)
class Terms:
    """What each worker gets, and how long it may be silent."""

    threads: int
    silence_limit: float | None = None
    """Seconds without a word after which a worker is taken to hang; None waits for ever."""


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

    def __init__(self, task: bytes, terms: Terms, name: str, gpu: int | None = None) -> None:
        context = multiprocessing.get_context("forkserver")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(task, theirs, terms.threads, gpu), name=name, daemon=True)
        self._process.start()
        theirs.close()
        self._silence_limit = terms.silence_limit
        self._silent_for = 0.0
        self.at_rung = False
        """Whether it waits for a word from us, so that its silence means nothing."""

    def receive(self, listened: float) -> list[Message]:
        """All that it has sent, after so many seconds of waiting for it; however it ends, the last is its ending."""
        messages: list[Message] = []
        try:
            while self.connection.poll():
                self._silent_for = listened = 0.0
                message: Message | _AtWork = pickle.loads(self.connection.recv_bytes())
                if isinstance(message, _AtWork):
                    continue
                messages.append(message)
                self.at_rung = isinstance(message, AtRung)
                if not isinstance(message, (Progress, AtRung)):
                    self._part()
                    return messages
        except (EOFError, OSError):
            self._part()
            return [*messages, _death(self._process.exitcode)]
        return [*messages, *self._silenced(listened)]

    def say(self, word: Word) -> None:
        """Tell it something; one that is gone already does not hear it."""
        self.at_rung = False
        with contextlib.suppress(OSError):
            self.connection.send(word)

    def end(self, grace: float) -> None:
        """Wait for so many seconds for it to end, then end it."""
        self._process.join(max(0.0, grace))
        self._process.kill()
        self._part()

    def _silenced(self, listened: float) -> Sequence[Crash]:
        """End a worker that has not said a word for too long."""
        # Only the time in which we listened: a driver that was stopped, or busy, has heard nothing either.
        self._silent_for += 0.0 if self.at_rung else listened
        if self._silence_limit is None or self._silent_for < self._silence_limit:
            return []
        self.end(0.0)
        return [Crash("died", f"no word for {self._silence_limit:g} s")]

    def _part(self) -> None:
        self._process.join()
        self.connection.close()


def listen(workers: Mapping[Key, Worker], timeout: float) -> dict[Key, list[Message]]:
    """What each of these workers has to tell, after waiting for at most so many seconds."""
    before = time.monotonic()
    wait([worker.connection for worker in workers.values()], timeout)
    # No longer than it could have waited: this process may have been stopped meanwhile, and they with it.
    listened = min(time.monotonic() - before, timeout)
    return {key: worker.receive(listened) for key, worker in workers.items()}


def is_ending(message: Message) -> bool:
    """Whether nothing comes after it."""
    return not isinstance(message, (Progress, AtRung))


def _death(exit_code: int | None) -> Crash:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = ", as the system does when memory runs out" if name == "SIGKILL" else ""
        return Crash("died", f"its process was ended by {name}{hint}")
    return Crash("died", f"its process ended with exit code {exit_code} and no word")


# --------------------------------------------------------------------------------------------------
# In the worker


class _Line:
    """A worker's end of the pipe."""

    def __init__(self, starter: Connection) -> None:
        self._starter = starter

    def progress(self, progress: Progress) -> None:
        self.send(progress)
        if self._starter.poll():
            raise StoppedError

    def at_rung(self, at_rung: AtRung) -> bool:
        self.send(at_rung)
        word: Word = self._starter.recv()
        if word is None:
            raise StoppedError
        return word

    def at_work(self) -> None:
        self.send(_AtWork())

    def send(self, message: Message | _AtWork) -> None:
        self._starter.send_bytes(pickle.dumps(message))


def _work(task: bytes, starter: Connection, threads: int, gpu: int | None) -> None:
    """Train one job and tell how it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us all; the driver decides
    _end_with_starter()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = name_of_gpu(gpu)
    import torch

    from gansearch.training.precision import keep_freed_memory

    torch.set_num_threads(threads)
    keep_freed_memory()

    line = _Line(starter)
    ending: Ending
    try:
        evaluate, job = pickle.loads(task)
        ending = evaluate(job, line)
    except StoppedError:
        return
    except (Exception, SystemExit) as error:
        ending = _crash(error)
    with contextlib.suppress(OSError):  # the starter is gone, and so will this process be in a moment
        line.send(ending)


def name_of_gpu(index: int) -> str:
    """What CUDA calls the GPU of this index among those that we may see."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible.split(",")[index].strip() if visible else str(index)


def _crash(error: BaseException) -> Crash:
    # torch's CPU allocator raises a plain RuntimeError.
    exhausted = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    exhausted = exhausted or "can't allocate memory" in str(error)
    kind: Literal["out-of-memory", "raised"] = "out-of-memory" if exhausted else "raised"
    return Crash(kind, f"{type(error).__name__}: {error}", traceback.format_exc())


def _end_with_starter() -> None:
    """End this process as soon as its starter is gone: nobody would hear what it finds out."""
    starter = multiprocessing.parent_process()
    if starter is None:
        return

    def watch() -> None:
        wait([starter.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="end-with-starter", daemon=True).start()
