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
from typing import Any

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")


@contextmanager
def preserved_global_state() -> Iterator[None]:
    """Restore in the end what the body has changed of the process.

    Restored are default dtype, default device, threads, gradient mode and random state of torch,
    the random states of NumPy and Python, working directory, locale and handlers of signals.
    """
    restore = [*_of_process(), *_of_numpy(), *_of_torch()]
    try:
        yield
    finally:
        for put_back in restore:
            put_back()


def _of_process() -> Iterator[Callable[[], None]]:
    drawn = random.getstate()
    yield lambda: random.setstate(drawn)
    with suppress(OSError):  # a working directory that is gone stays gone
        place = os.getcwd()
        yield lambda: _change_back(place)
    language = locale.setlocale(locale.LC_ALL)
    yield lambda: _set_back(
        language, lambda: locale.setlocale(locale.LC_ALL), _setter(locale.LC_ALL)
    )
    if threading.current_thread() is threading.main_thread():
        for name in SIGNALS:
            number = getattr(signal, name, None)
            handler = None if number is None else signal.getsignal(number)
            if number is not None and handler is not None:
                yield lambda number=number, handler=handler: _handle_again(number, handler)  # type: ignore[misc]


def _setter(category: int) -> Callable[[Any], object]:
    return lambda language: locale.setlocale(category, language)


def _change_back(place: str) -> None:
    with suppress(OSError):
        try:
            moved = os.getcwd() != place
        except OSError:
            moved = True
        if moved:
            os.chdir(place)


def _handle_again(number: signal.Signals, handler: Any) -> None:
    if signal.getsignal(number) is not handler:
        signal.signal(number, handler)


def _of_numpy() -> Iterator[Callable[[], None]]:
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        drawn = numpy.random.get_state()
        yield lambda: numpy.random.set_state(drawn)


def _of_torch() -> Iterator[Callable[[], None]]:
    # Looked up, not imported: many commands of the driver's package do without it.
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_num_threads"):  # not there, or half imported
        return
    drawn = torch.get_rng_state()
    yield lambda: torch.set_rng_state(drawn)
    for read, write in (
        (torch.get_default_dtype, torch.set_default_dtype),
        (torch.get_default_device, torch.set_default_device),
        (torch.get_num_threads, torch.set_num_threads),
        (torch.is_grad_enabled, torch.set_grad_enabled),
    ):
        before = read()
        yield lambda before=before, read=read, write=write: _set_back(before, read, write)  # type: ignore[misc]


def _set_back(before: Any, read: Callable[[], Any], write: Callable[[Any], object]) -> None:
    if read() != before:
        write(before)
