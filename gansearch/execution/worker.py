"""A worker: one process that trains one job, alone or with other ranks.

Every executor trains in such processes, so that a candidate that crashes, hangs, is killed or runs
out of memory costs itself alone, and is reported in the same words wherever it ran. A worker ends
itself when the process that started it dies.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import pkgutil
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import forkserver, resource_tracker, spawn
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal, TypeGuard

from pydantic_core import to_json

import gansearch.builtin
from gansearch.candidate import CANDIDATE_ROLES
from gansearch.components import Component
from gansearch.errors import PluginError
from gansearch.execution.channel import Heartbeat, Message, PipeChannel, Reply
from gansearch.execution.isolation import (
    blamed,
    end_process_group,
    keep_output,
    lead_process_group,
)
from gansearch.files import is_machine_error
from gansearch.messages import (
    Crash,
    Ending,
    Evaluate,
    Job,
    Outcome,
    PeerLostError,
    Rank,
    StoppedError,
)

PRELOADED = [
    "gansearch.execution.trial_runner",
    "torch._dynamo",
    "pandas",
    "pyarrow.parquet",
]
"""Modules that a worker finds imported, beside the built-in components. The last three are imported
late: by the first optimizer and by the first table that is written, which costs each worker 2.4 s
of CPU time. The components cost it 0.5 s."""
PEER_LOST_DELAY = 10.0
"""Seconds in which the starter of the ranks finds the one that died and ends the others."""
EXIT_TIMEOUT = 10.0
"""Seconds in which a worker exits that has reported its end."""
GPU_MEMORY_ERRORS = (
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
"""Messages of CUDA and its libraries when they, and not torch's allocator, run out of memory."""


def pickle_task(evaluate: Evaluate, job: Job) -> bytes:
    """Pickle a worker's task, so that processes that pass it on need not import its classes."""
    return pickle.dumps((evaluate, job))


def start_forkserver(threads: int) -> None:
    """Start the forkserver with SIGINT blocked, so that Ctrl-C does not kill it as it loads torch.

    Args:
        threads: number of OpenMP threads of a worker.
    """
    # Read when the server loads torch; a worker's own threads are set in the worker.
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    # Threads that wait by spinning keep each other from working as soon as a core is shared; those
    # that never spin lose all that they gain. Measured: 11 ms a step and 50 beside a busy process,
    # against 11 and over 200 by default, and 19 with OMP_WAIT_POLICY=PASSIVE.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    components = pkgutil.walk_packages(gansearch.builtin.__path__, "gansearch.builtin.")
    preloaded = [*PRELOADED, *(module.name for module in components)]
    multiprocessing.get_context("forkserver").set_forkserver_preload(preloaded)
    resource_tracker.ensure_running()  # first, as it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Worker:
    """A process forked from the forkserver, and the starter's end of its pipe."""

    def __init__(
        self, task: bytes, rank: Rank, threads: int, name: str, gpu: int | None = None
    ) -> None:
        context = multiprocessing.get_context("forkserver")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_run_task, args=(task, rank, theirs, threads, gpu), name=name, daemon=True
        )
        with _main_module_not_imported():
            self._process.start()
        theirs.close()

    def receive(self) -> list[Message | Heartbeat]:
        """Return all messages since the last call; the last one of a worker is its ending."""
        messages: list[Message | Heartbeat] = []
        try:
            while self.connection.poll():
                messages.append(pickle.loads(self.connection.recv_bytes()))
                if is_ending(messages[-1]):
                    self._close()
                    return messages
        except (EOFError, OSError):
            self._close()
            return [*messages, _crash_of_exit(self._process.exitcode)]
        except Exception as error:  # what a component's objects do when they are unpickled
            self.end(0.0)
            reason = f"its process sent something unreadable: {type(error).__name__}: {error}"
            return [*messages, Crash("raised", reason)]
        return messages

    def send(self, reply: Reply) -> None:
        """Send a reply; a worker that has ended does not get it."""
        with contextlib.suppress(OSError):
            self.connection.send(reply)

    def end(self, grace: float) -> None:
        """Wait at most `grace` seconds for the worker to end, then kill it."""
        self._process.join(max(0.0, grace))
        self._process.kill()
        self._close()

    def _close(self) -> None:
        # A process that has reported its end, and does not exit, waits for one that it started.
        self._process.join(EXIT_TIMEOUT)
        self._process.kill()
        self._process.join()
        if self._process.pid is not None:
            end_process_group(self._process.pid)
        self.connection.close()


def is_ending(message: object) -> TypeGuard[Ending]:
    """Return True for the last message of a worker."""
    return isinstance(message, (Outcome, Crash))


@contextlib.contextmanager
def _main_module_not_imported() -> Iterator[None]:
    """Start processes that do not import the main module of this one.

    multiprocessing runs the main script again in each child, as `__mp_main__`. A script without a
    main guard that runs a study would run it again in every worker, and multiprocessing ends these
    with an error. Workers need nothing of the script: their task names the modules that it needs.
    """
    original = spawn.get_preparation_data

    def without_main(name: str) -> dict[str, Any]:
        data: dict[str, Any] = original(name)
        main = ("init_main_from_name", "init_main_from_path")
        return {key: value for key, value in data.items() if key not in main}

    spawn.get_preparation_data = without_main
    try:
        yield
    finally:
        spawn.get_preparation_data = original


def _crash_of_exit(exit_code: int | None) -> Crash:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = ", as the system does when memory runs out" if name == "SIGKILL" else ""
        return Crash("died", f"its process was ended by {name}{hint}")
    return Crash("died", f"its process exited with code {exit_code} and reported no outcome")


# --------------------------------------------------------------------------------------------------
# In the worker


def _run_task(
    task: bytes, rank: Rank, connection: Connection, threads: int, gpu: int | None
) -> None:
    """Train one job and report how it ended."""
    # Ctrl-C reaches every process of the terminal; the driver ends the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lead_process_group()
    _end_with_starter()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = visible_gpu(gpu)
    # Here and not at the top, since the driver imports this module and has no need of torch.
    import torch

    from gansearch.training.precision import keep_freed_memory

    torch.set_num_threads(threads)
    keep_freed_memory()

    channel = PipeChannel(connection, rank.rank)
    ending: Ending
    alone, folder = False, Path.cwd()
    components: list[Component] = []
    try:
        evaluate, job = pickle.loads(task)
        alone, folder = job.alone, job.folder
        components = _components(evaluate, job)
        keep_output(folder)
        ending = _checked(evaluate(replace(job, rank=rank), channel))
    except StoppedError:
        return
    except PeerLostError as error:
        # Our starter is about to see the rank that died; that one's crash is the one to report.
        time.sleep(PEER_LOST_DELAY)
        ending = Crash("died", str(error))
    except (Exception, SystemExit) as error:
        ending = _crash_of_error(error, folder, blamed(error, components), alone=alone)
    # Where the starter is gone this process is about to end itself.
    with contextlib.suppress(OSError):
        channel.end(ending)


def visible_gpu(index: int) -> str:
    """Return CUDA's name of the GPU with this index among the visible ones."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not visible:
        return str(index)
    return visible.split(",")[index].strip()


def _components(evaluate: Evaluate, job: Job) -> list[Component]:
    """Return the components that a job runs, to name the one that fails."""
    parts = [getattr(job.candidate, role, None) for role in CANDIDATE_ROLES]
    parts += getattr(evaluate, "components", ())
    return [part for part in parts if isinstance(part, Component)]


def _checked(outcome: Outcome) -> Outcome:
    """Return an outcome that can be stored.

    Raises:
        PluginError: if a component has put something into it that is not plain data.
    """
    try:
        to_json(outcome, inf_nan_mode="constants")
    except (ValueError, TypeError, RecursionError) as error:
        raise PluginError(
            f"a detector, data set or extractor reported something that is not plain data: {error}"
        ) from error
    return outcome


def _crash_of_error(error: BaseException, folder: Path, blame: str, *, alone: bool) -> Crash:
    # torch's GPU allocator raises an error of its own, that of the CPU a plain RuntimeError.
    text = str(error)
    on_gpu = type(error).__name__ == "OutOfMemoryError" or any(
        message in text for message in GPU_MEMORY_ERRORS
    )
    kind: Literal["out-of-memory", "raised", "machine"] = "raised"
    if is_machine_error(error, folder):
        kind = "machine"
    elif on_gpu or isinstance(error, MemoryError) or "can't allocate memory" in text:
        kind = "out-of-memory"
    first, newline, rest = text.partition("\n")
    message = f"{type(error).__name__}: {first}{blame}{newline}{rest}"
    return Crash(kind, message, traceback.format_exc(), crowded=on_gpu and not alone)


def _end_with_starter() -> None:
    """End this process as soon as its starter is gone, since nobody would read its outcome."""
    starter = multiprocessing.parent_process()
    if starter is None:
        return

    def watch() -> None:
        wait([starter.sentinel])
        end_process_group(os.getpid())
        os._exit(1)

    threading.Thread(target=watch, name="end-with-starter", daemon=True).start()
