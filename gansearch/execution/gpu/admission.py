"""Admission of candidates to a GPU that several of them share, each with the memory it needs.

All processes of a user on a machine use two lock files for each device, in the temporary directory.
The device lock is held shared by candidates that run side by side, and exclusively by one that runs
alone. The queue lock is held by the one candidate that waits for memory or for the device lock, so
that no later one overtakes it. The system frees the locks of a process that dies.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, ReadWriteLock, Timeout

from gansearch.execution.gpu.estimate import MemoryEstimate
from gansearch.execution.gpu.memory import CUDA_CONTEXT, DeviceMemory, with_reserves

POLL_SECONDS = 0.25
"""Pause between two attempts."""
MEMORY_TIMEOUT = 600.0
"""Seconds that a candidate waits for memory that processes other than gansearch's use."""


class InsufficientMemoryError(MemoryError):
    """GPU memory that a candidate cannot get, even if it runs alone on the GPU."""


@contextmanager
def admit(
    memory: DeviceMemory,
    estimate: MemoryEstimate | None,
    waiting: Callable[[], None],
    *,
    alone: bool = False,
) -> Iterator[None]:
    """Wait for a place and memory on a device, and hold both inside the context.

    Args:
        memory: memory of the device.
        estimate: memory of the training; without an estimate the candidate runs alone.
        waiting: called several times a second meanwhile; its exceptions end the wait.
        alone: True to run alone on the device in any case.

    Raises:
        InsufficientMemoryError: if the device is too small, if processes other than gansearch's do
            not free enough of it, or in place of an OutOfMemoryError of a candidate that ran alone.
    """
    # Find out if it must run alone
    if estimate is not None and estimate.total + CUDA_CONTEXT > memory.total:
        raise InsufficientMemoryError(
            f"its training needs {_gb(estimate.total)} of GPU memory; the GPU has "
            f"{_gb(memory.total)}, of which CUDA itself takes about {_gb(CUDA_CONTEXT)}"
        )
    request = None if estimate is None else with_reserves(estimate)
    if alone or request is None or request.total + CUDA_CONTEXT > memory.total:
        alone, request = True, estimate

    # Wait for its turn, then for the memory
    folder = _lock_folder()
    queue = FileLock(folder / f"{memory.name}.queue")
    while not _try(queue.acquire):
        waiting()
        time.sleep(POLL_SECONDS)
    try:
        lock = ReadWriteLock(folder / f"{memory.name}.device", is_singleton=False)
        _acquire(lock, memory, request, waiting, alone=alone)
    finally:
        queue.release()

    try:
        yield
    except torch.OutOfMemoryError as error:
        if alone:
            raise InsufficientMemoryError(f"although alone on the GPU: {error}") from error
        raise
    finally:
        lock.release()


def _acquire(
    lock: ReadWriteLock,
    memory: DeviceMemory,
    request: MemoryEstimate | None,
    waiting: Callable[[], None],
    *,
    alone: bool,
) -> None:
    """Wait until other candidates have left or leave enough memory; acquire lock and memory."""
    polls = 0
    while True:
        no_others = _try(lock.acquire_write)
        acquired = no_others
        if not alone:
            if no_others:
                lock.release()
            acquired = _try(lock.acquire_read)
        if acquired:
            if request is None or (
                memory.free() >= request.total and memory.reserve(request, capped=not alone)
            ):
                return
            lock.release()
        polls = polls + 1 if no_others else 0
        if request is not None and polls * POLL_SECONDS > MEMORY_TIMEOUT:
            raise InsufficientMemoryError(
                f"it needs {_gb(request.total)} of GPU memory; for {MEMORY_TIMEOUT:g} s processes "
                f"other than gansearch's have left {_gb(memory.free())} of {_gb(memory.total)} free"
            )
        waiting()
        time.sleep(POLL_SECONDS)


def _try(acquire: Callable[..., object]) -> bool:
    """Acquire a lock without waiting; return False if it is held."""
    try:
        acquire(blocking=False)
    except Timeout:
        return False
    return True


def _lock_folder() -> Path:
    """Return the folder of this user's locks, which nobody else can open."""
    user = os.getuid() if hasattr(os, "getuid") else "gpus"
    folder = Path(tempfile.gettempdir()) / f"gansearch-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
