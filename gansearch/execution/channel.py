"""A rank's end of the pipe to the process that started it."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from multiprocessing.connection import Connection

from gansearch.messages import AtRung, Decision, Ending, Progress, StoppedError


@dataclass(frozen=True)
class Heartbeat:
    """Sign of life of a worker, for the process that started it; the driver gets none."""


Message = Progress | AtRung | Ending
"""Message of a worker; an ending is the last one."""
Reply = Decision | None
"""Answer to a worker: the decision at a rung; None asks it to keep a checkpoint and end."""


class PipeChannel:
    """Channel of one rank.

    Rank 0 alone reports progress and rungs; the training loop shares the replies with the other
    ranks. Every rank reports its own ending.
    """

    def __init__(self, connection: Connection, rank: int = 0) -> None:
        """Wrap a rank's end of the pipe; ranks are counted from 0."""
        self._connection, self._leads = connection, rank == 0

    def progress(self, progress: Progress) -> None:
        self._report(progress)
        if self._connection.poll():
            raise StoppedError

    def at_rung(self, at_rung: AtRung) -> Decision:
        self._report(at_rung)
        reply: Reply = self._connection.recv()
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

    def end(self, ending: Ending) -> None:
        """Report the ending of this rank."""
        self._connection.send_bytes(pickle.dumps(ending))

    def _report(self, message: Message | Heartbeat) -> None:
        if self._leads:
            self._connection.send_bytes(pickle.dumps(message))
