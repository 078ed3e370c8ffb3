"""SIGINT and SIGTERM in a command that trains."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Self

import typer
from rich.console import Console


class StopOnSignals:
    """Context in which the first SIGINT or SIGTERM asks to stop and the second exits at once."""

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
        self._before = {
            number: signal.signal(number, self._handle)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked():
            os._exit(128 + number)  # workers end by themselves when this process is gone
        self.number = number
