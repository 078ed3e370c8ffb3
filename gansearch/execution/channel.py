"""A rank's end of the pipe to the process that started it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from gansearch.messages import AtRung, Decision, Ending, Progress, StoppedError


@dataclass(frozen=True)
class Heartbeat:
    """Sign of life of a worker; it goes no further than the process that started the worker."""


Message = Progress | AtRung | Ending
"""Message of a worker; an ending is the last one."""
Reply = Decision | None
"""Answer to a worker: the decision at a rung; None asks it to keep a checkpoint and end."""


class PipeChannel:
    """Channel of one rank. Rank 0 talks for all ranks; every rank reports its own ending."""

    def __init__(
        self,
        connection: Connection,
        rank: int = 0,
        agree: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        """Wrap a rank's end of the pipe.

        Args:
            connection: the pipe.
            rank: index among the processes that train the candidate together.
            agree: returns rank 0's value on every rank; by default there is only one rank.
        """
        self._connection, self._rank, self._agree = connection, rank, agree
        self._leads = rank == 0

    def progress(self, progress: Progress) -> None:
        self._report(progress)
        if self._agree(self._leads and self._connection.poll()):
            raise StoppedError

    def at_rung(self, at_rung: AtRung) -> Decision:
        self._report(at_rung)
        reply: Reply = self._agree(self._connection.recv() if self._leads else None)
        if reply is None:
            raise StoppedError
        return reply

    def heartbeat(self) -> None:
        self._report(Heartbeat())

    def waiting(self) -> None:
        # Without agreement of the ranks, since each of them waits for its own GPU.
        self._report(Heartbeat())
        if self._leads and self._connection.poll():
            raise StoppedError

    def shared(self, agree: Callable[[Any], Any]) -> PipeChannel:
        return PipeChannel(self._connection, self._rank, agree)

    def end(self, ending: Ending) -> None:
        """Report the ending of this rank."""
        self._connection.send_bytes(pickle.dumps(ending))

    def _report(self, message: Message | Heartbeat) -> None:
        if self._leads:
            self._connection.send_bytes(pickle.dumps(message))
