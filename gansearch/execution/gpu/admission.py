"""Admission: the candidates that are trained on one device let each other in, each with the memory that it needs.

All processes of a user on a machine meet at two files of the device in the temporary directory: a door, through
which one goes at a time, and a room, which holds many, or one that wants to be alone. Whoever waits does so in the
door, so that nobody who comes later takes the memory, or the place, that it waits for. Both are locks of the
system's: those of a process that dies are free.
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

from gansearch.execution.gpu.estimate import Footprint
from gansearch.execution.gpu.memory import CONTEXT, DeviceMemory, claim_of

POLL = 0.25
"""Seconds between two looks at what a candidate waits for."""
PATIENCE = 600.0
"""Seconds that a candidate waits for memory that none of ours has taken."""


class NoRoomError(MemoryError):
    """Memory of a device that a candidate cannot have, even with the device to itself."""


@contextmanager
def admitted(
    memory: DeviceMemory,
    counted: Footprint | None,
    waiting: Callable[[], None],
    *,
    alone: bool = False,
) -> Iterator[None]:
    """Be on a device, once it has the memory, and keep it while the context lasts.

    Args:
        memory: the device's.
        counted: what the training takes; one that could not be counted gets the device to itself.
        waiting: called several times a second meanwhile; what it raises ends the waiting.
        alone: whether to have the device to itself in any case.

    Raises:
        NoRoomError: when the device is too small, or strangers keep what is needed of it; and in place of an
            OutOfMemoryError out of the context, when that had the device to itself.
    """
    if counted is not None and counted.total + CONTEXT > memory.total:
        raise NoRoomError(
            f"its training takes {_told(counted.total)} of GPU memory, and {_all_of(memory)}"
        )
    alone = alone or counted is None or claim_of(counted).total + CONTEXT > memory.total
    with _in_door(_folder() / f"{memory.name}.door", waiting):
        room = ReadWriteLock(_folder() / f"{memory.name}.room", is_singleton=False)
        claim = counted if counted is None or alone else claim_of(counted)
        _enter(room, memory, claim, waiting, alone=alone)
    try:
        yield
    except torch.OutOfMemoryError as error:
        if alone:
            raise NoRoomError(f"with the GPU to itself: {error}") from error
        raise
    finally:
        room.release()


@contextmanager
def _in_door(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    lock = FileLock(path)
    while not _got(lock.acquire):
        waiting()
        time.sleep(POLL)
    try:
        yield
    finally:
        lock.release()


def _enter(
    room: ReadWriteLock,
    memory: DeviceMemory,
    claim: Footprint | None,
    waiting: Callable[[], None],
    *,
    alone: bool,
) -> None:
    """Wait until others have left, or have left enough memory, and take it."""
    looks = 0
    while True:
        deserted = _got(room.acquire_write)
        if deserted and not alone:
            room.release()
        if deserted if alone else _got(room.acquire_read):
            if claim is None or (
                memory.free() >= claim.total and memory.take(claim, capped=not alone)
            ):
                return
            room.release()
        looks = looks + 1 if deserted else 0
        if claim is not None and looks * POLL > PATIENCE:
            left = f"strangers have left {_told(memory.free())} of the GPU's {_told(memory.total)} for {PATIENCE:g} s"
            raise NoRoomError(f"it needs {_told(claim.total)} of GPU memory, and {left}")
        waiting()
        time.sleep(POLL)


def _got(acquire: Callable[..., object]) -> bool:
    try:
        acquire(blocking=False)
    except Timeout:
        return False
    return True


def _folder() -> Path:
    """Where the processes of this user meet, and nobody else's."""
    user = os.getuid() if hasattr(os, "getuid") else "gpus"
    folder = Path(tempfile.gettempdir()) / f"gansearch-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _told(size: int) -> str:
    return f"{size / 1e9:.2f} GB"


def _all_of(memory: DeviceMemory) -> str:
    return f"the GPU has {_told(memory.total)}, of which CUDA is assumed to take {_told(CONTEXT)} for itself"
