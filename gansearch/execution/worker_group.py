"""A worker group: the ranks that train one job, usually one, seen by their starter as one trial."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import TypeVar

from gansearch.execution.channel import Heartbeat, Message, Reply
from gansearch.execution.worker import Worker, is_ending
from gansearch.messages import AtRung, Crash, Ending, Rank

Key = TypeVar("Key")


@dataclass(frozen=True)
class WorkerLimits:
    """Resources of a worker group, and the longest time between its heartbeats."""

    threads: int
    """Threads per worker."""
    heartbeat_timeout: float | None = None
    """Seconds without a message after which the group is ended; None for no limit."""
    workers: int = 1


class WorkerGroup:
    """Workers of ranks 0 to n - 1. Rank 0 reports for all; when one fails, all are ended."""

    def __init__(
        self, task: bytes, limits: WorkerLimits, name: str, gpus: Sequence[int] = ()
    ) -> None:
        """Start the workers.

        Args:
            task: what they train, from `pickle_task`.
            limits: number of workers and their resources.
            name: name of the processes.
            gpus: index of each worker's GPU; empty where they have none.
        """
        self._workers: list[Worker] = []
        with _ranks(limits.workers) as ranks:
            for rank in ranks:
                process = name
                if rank.size > 1:
                    process = f"{name}-rank-{rank.rank}"
                gpu = gpus[rank.rank] if gpus else None
                self._workers.append(Worker(task, rank, limits.threads, process, gpu))
        self._endings: dict[int, Ending] = {}
        self._heartbeat_timeout = limits.heartbeat_timeout
        self._silent_seconds = 0.0
        self.at_rung = False
        """True while the trial waits for a decision, so that its silence means nothing."""

    @property
    def connections(self) -> list[Connection]:
        """Connections of the workers that have not ended."""
        return [w.connection for rank, w in enumerate(self._workers) if rank not in self._endings]

    def receive(self, listened: float) -> list[Message]:
        """Return all messages since the last call; the last one of a group is its ending.

        Args:
            listened: seconds during which messages could have been received.
        """
        received: list[Message | Heartbeat] = []
        for rank, worker in enumerate(self._workers):
            if rank in self._endings:
                continue
            for message in worker.receive():
                if is_ending(message):
                    self._endings[rank] = message
                elif rank == 0:
                    received.append(message)
        messages: list[Message] = [m for m in received if not isinstance(m, Heartbeat)]
        ending = self._ending(received, listened)
        if ending is not None:
            self.end(0.0)
            messages.append(ending)
        return messages

    def send(self, reply: Reply) -> None:
        """Send a reply to rank 0, which shares it with the others."""
        self.at_rung = False
        self._workers[0].send(reply)

    def end(self, grace: float) -> None:
        """Wait at most `grace` seconds for the workers to end, then kill them."""
        deadline = time.monotonic() + grace
        for worker in self._workers:
            worker.end(deadline - time.monotonic())

    def _ending(self, received: Sequence[Message | Heartbeat], listened: float) -> Ending | None:
        """Return the crash of any rank, the outcome of rank 0, or a crash without heartbeats."""
        for rank, ending in self._endings.items():
            if isinstance(ending, Crash):
                if len(self._workers) == 1:
                    return ending
                return replace(ending, message=f"rank {rank}: {ending.message}")
        if 0 in self._endings:
            return self._endings[0]
        if received:
            self._silent_seconds, self.at_rung = 0.0, isinstance(received[-1], AtRung)
        elif not self.at_rung:
            # Only time in which we listened counts: a stopped or busy driver reads nothing either.
            self._silent_seconds += listened
        if self._heartbeat_timeout is None or self._silent_seconds < self._heartbeat_timeout:
            return None
        return Crash("died", f"no heartbeat for {self._heartbeat_timeout:g} s")


def receive_all(groups: Mapping[Key, WorkerGroup], timeout: float) -> dict[Key, list[Message]]:
    """Return the messages of each group, after waiting at most `timeout` seconds for the first."""
    before = time.monotonic()
    wait([connection for group in groups.values() for connection in group.connections], timeout)
    # At most the timeout: this process may have been stopped meanwhile, and its workers with it.
    listened = min(time.monotonic() - before, timeout)
    return {key: group.receive(listened) for key, group in groups.items()}


@contextmanager
def _ranks(size: int) -> Iterator[list[Rank]]:
    """Give the ranks of a group, which connect over a socket on the loopback interface."""
    if size == 1:
        yield [Rank()]
        return
    with socket.create_server(("127.0.0.1", 0), backlog=size) as listener:
        port = listener.getsockname()[1]
        yield [Rank(rank, size, port, listener if rank == 0 else None) for rank in range(size)]
