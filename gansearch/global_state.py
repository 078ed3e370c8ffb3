"""Guard of the process-wide state that a component may change where it is only built or counted.

Trainings have processes of their own. But sizes are counted, and modules of plugins imported, in
the driver: a `torch.set_default_dtype` or `os.chdir` there would reach every later candidate.
Filters of warnings and environment variables are left alone. Libraries set them rightfully when
they are imported, which may happen here too.
"""

from __future__ import annotations

import locale
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")

State = tuple[Callable[[], Any], Callable[[Any], object]]
"""Two functions: one reads the state, the other writes it."""


@contextmanager
def preserved_global_state() -> Iterator[None]:
    """Restore in the end what the body has changed of the process.

    Restored are default dtype, default device, threads, gradient mode and random state of torch,
    the random states of NumPy and Python, working directory, locale and handlers of signals.
    """
    drawn = [(write, read()) for read, write in _random_states()]
    settings = [(read, write, read()) for read, write in _settings()]
    try:
        yield
    finally:
        for write, state in drawn:
            write(state)
        for read, write, before in settings:
            # A working directory that is gone stays gone.
            with suppress(OSError):
                if read() != before:
                    write(before)


def _random_states() -> Iterator[State]:
    yield random.getstate, random.setstate
    # Looked up, not imported: many commands do without them.
    if (numpy := sys.modules.get("numpy")) is not None:
        yield numpy.random.get_state, numpy.random.set_state
    if (torch := _torch()) is not None:
        yield torch.get_rng_state, torch.set_rng_state


def _settings() -> Iterator[State]:
    """Yield states that are written only if they have changed, since writing has effects."""
    yield _working_directory, os.chdir
    yield partial(locale.setlocale, locale.LC_ALL), partial(locale.setlocale, locale.LC_ALL)
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in SIGNALS if hasattr(signal, name)):
            if signal.getsignal(number) is not None:  # else Python cannot set it again
                yield partial(signal.getsignal, number), partial(signal.signal, number)
    if (torch := _torch()) is not None:
        yield torch.get_default_dtype, torch.set_default_dtype
        yield torch.get_default_device, torch.set_default_device
        yield torch.get_num_threads, torch.set_num_threads
        yield torch.is_grad_enabled, torch.set_grad_enabled


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""


def _torch() -> Any:
    """Return torch if it is imported, and not just half of it."""
    torch = sys.modules.get("torch")
    return torch if hasattr(torch, "get_num_threads") else None
