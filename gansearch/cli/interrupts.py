"""SIGINT, SIGTERM and SIGHUP in a command that trains."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Self

import typer
from rich.console import Console

from gansearch.errors import MachineError
from gansearch.files import free_space, is_machine_error


@contextmanager
def machine_errors_told(folder: Path) -> Iterator[None]:
    """Say what is free, and how to go on, where the machine has ended a search.

    Raises:
        MachineError: in place of one, and of an error of the system such as a full disk.
    """
    try:
        yield
    except (MachineError, OSError) as error:
        if isinstance(error, OSError) and not is_machine_error(error, folder):
            raise
        go_on = f"Make room, then go on with: gansearch resume {shlex.quote(str(folder))}"
        raise MachineError(
            ". ".join(filter(None, [str(error), free_space(folder), go_on]))
        ) from error


class StopOnSignals:
    """Context in which the first of the signals asks to stop and the second exits at once.

    SIGHUP comes when the terminal is closed; it stays ignored where `nohup` has asked for that.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        """Number of the first signal that came."""

    def asked(self) -> bool:
        return self.number is not None

    def leave_if_asked(self, command: str, out: Console) -> None:
        """If a signal came, print the command that continues and exit with the signal's code."""
        if self.number is not None:
            out.print(f"stopped; go on with: {command}", markup=False, soft_wrap=True)
            raise typer.Exit(128 + self.number)

    def __enter__(self) -> Self:
        self._terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]
        numbers = [signal.SIGINT, signal.SIGTERM]
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        self._before = {number: signal.signal(number, self._handle) for number in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked():
            os._exit(128 + number)  # workers end by themselves when this process is gone
        if number == getattr(signal, "SIGHUP", None):
            # The terminal is gone, and every line printed to it would fail.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for descriptor in self._terminals:
                os.dup2(nowhere, descriptor)
            os.close(nowhere)
        self.number = number
