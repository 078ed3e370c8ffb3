"""A team: the workers that train one job together, one as a rule, seen by whoever started them as one."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import TypeVar

from gansearch.execution.worker import Heartbeat, Message, Reply, Worker, is_ending
from gansearch.messages import AtRung, Crash, Ending, Rank

Key = TypeVar("Key")


@dataclass(frozen=True)
class WorkerLimits:
    """What each team gets, and how long it may be silent."""

    threads: int
    """Of each worker."""
    heartbeat_timeout: float | None = None
    """Seconds without a word after which it is taken to hang; None waits for ever."""
    workers: int = 1


class WorkerGroup:
    """Workers of ranks 0 to n - 1. The first one speaks for all; when one fails, all are ended."""

    def __init__(
        self, task: bytes, terms: WorkerLimits, name: str, gpus: Sequence[int] = ()
    ) -> None:
        """Start them.

        Args:
            task: what they train.
            terms: what they get.
            name: of their processes.
            gpus: index of each worker's GPU, if they have any.
        """
        with _seats(terms.workers) as seats:
            self._workers = [
                Worker(
                    task, seat, terms.threads, _name(name, seat), gpus[seat.rank] if gpus else None
                )
                for seat in seats
            ]
        self._endings: dict[int, Ending] = {}
        self._silence_limit = terms.heartbeat_timeout
        self._silent_for = 0.0
        self.at_rung = False
        """Whether it waits for a word from us, so that its silence means nothing."""

    @property
    def connections(self) -> list[Connection]:
        """Those on which something may be heard."""
        return [
            worker.connection
            for rank, worker in enumerate(self._workers)
            if rank not in self._endings
        ]

    def receive(self, listened: float) -> list[Message]:
        """All that it has sent, after so many seconds of waiting for it; however it ends, the last is its ending."""
        told: list[Message | Heartbeat] = []
        for rank, worker in enumerate(self._workers):
            if rank in self._endings:
                continue
            for message in worker.receive():
                if is_ending(message):
                    self._endings[rank] = message
                elif rank == 0:
                    told.append(message)
        ending = self._ending() or self._heard(told, listened)
        if ending is not None:
            self.end(0.0)
        return [
            *(message for message in told if not isinstance(message, Heartbeat)),
            *([ending] if ending else []),
        ]

    def say(self, word: Reply) -> None:
        """Tell it something; one that is gone already does not hear it."""
        self.at_rung = False
        self._workers[0].say(word)

    def end(self, grace: float) -> None:
        """Wait for so many seconds for it to end, then end it."""
        deadline = time.monotonic() + grace
        for worker in self._workers:
            worker.end(deadline - time.monotonic())

    def _ending(self) -> Ending | None:
        """How it has ended: by the failure of any worker, or with the outcome of the first."""
        for rank, ending in self._endings.items():
            if isinstance(ending, Crash):
                return (
                    replace(ending, message=f"rank {rank}: {ending.message}")
                    if self._workers[1:]
                    else ending
                )
        return self._endings.get(0)

    def _heard(self, told: Sequence[Message | Heartbeat], listened: float) -> Crash | None:
        """Take note of what was told; a crash where it has been silent for too long."""
        if told:
            self._silent_for, self.at_rung = 0.0, isinstance(told[-1], AtRung)
        elif not self.at_rung:
            # Only the time in which we listened: a driver that was stopped, or busy, has heard nothing either.
            self._silent_for += listened
        if self._silence_limit is None or self._silent_for < self._silence_limit:
            return None
        return Crash("died", f"no word for {self._silence_limit:g} s")


def listen(teams: Mapping[Key, WorkerGroup], timeout: float) -> dict[Key, list[Message]]:
    """What each of these teams has to tell, after waiting for at most so many seconds."""
    before = time.monotonic()
    wait([connection for team in teams.values() for connection in team.connections], timeout)
    # No longer than it could have waited: this process may have been stopped meanwhile, and they with it.
    listened = min(time.monotonic() - before, timeout)
    return {key: team.receive(listened) for key, team in teams.items()}


@contextmanager
def _seats(size: int) -> Iterator[list[Rank]]:
    """A seat for each worker, with a socket where they meet that no other machine reaches."""
    if size == 1:
        yield [Rank()]
        return
    with socket.create_server(("127.0.0.1", 0), backlog=size) as listener:
        port = listener.getsockname()[1]
        yield [Rank(rank, size, port, listener if rank == 0 else None) for rank in range(size)]


def _name(name: str, seat: Rank) -> str:
    return name if seat.size == 1 else f"{name}-rank-{seat.rank}"
