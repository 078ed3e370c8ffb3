"""What SIGINT and SIGTERM do to a command that trains."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import TYPE_CHECKING, Self

import typer

if TYPE_CHECKING:
    from rich.console import Console


class StopOnSignals:
    """The first SIGINT or SIGTERM asks a command to end in order; the next one ends it at once."""

    def __init__(self) -> None:
        self.number: int | None = None
        """Of the signal that came, if one has."""

    def asked(self) -> bool:
        return self.number is not None

    def leave_if_asked(self, how_to_go_on: str, out: Console) -> None:
        """Exit as the signal would have it, if one came, saying with what command to go on."""
        if self.number is not None:
            out.print(f"stopped; go on with: {how_to_go_on}", markup=False, soft_wrap=True)
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
