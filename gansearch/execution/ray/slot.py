"""What Ray runs of the executor `ray`: a mailbox beside the driver, and slots wherever there is room."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import ray
from ray import tune
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from gansearch.errors import FileTransferError
from gansearch.execution.ray.file_transfer import Keep, ObjectStoreTransfer, at_node
from gansearch.execution.worker import Message, is_ending, start_server
from gansearch.execution.worker_group import WorkerGroup, WorkerLimits, listen
from gansearch.messages import Crash

HEARD_WITHIN = 0.25
"""Seconds within which a slot hears that its trial should stop."""
Ticket = int
"""Names a job: a trial that gets a second run is two of them."""


@dataclass(frozen=True)
class Stop:
    """The word that a trial should keep a checkpoint and end within so many seconds."""

    grace: float


Reply = bool | Stop
"""What a slot is told: whether its trial may go on from a rung, or that it should stop."""
T = TypeVar("T")


class Mailbox:
    """Where slots leave messages for the driver, and the driver words for slots."""

    def __init__(self) -> None:
        self._tasks: dict[Ticket, bytes] = {}
        self._told: asyncio.Queue[tuple[Ticket, Message]] = asyncio.Queue()
        self._words: defaultdict[Ticket, asyncio.Queue[Reply]] = defaultdict(asyncio.Queue)

    async def submit(self, ticket: Ticket, task: bytes) -> None:
        """Leave a task for the slot that will get the ticket."""
        self._tasks[ticket] = task

    async def take(self, ticket: Ticket) -> bytes:
        """Take that task."""
        return self._tasks.pop(ticket)

    async def tell(self, ticket: Ticket, messages: Sequence[Message], wait: float) -> Reply | None:
        """Leave messages; gives the next word for this job, if one comes within so many seconds."""
        for message in messages:
            self._told.put_nowait((ticket, message))
        if any(map(is_ending, messages)):
            self._words.pop(ticket, None)
            return None
        return await _next(self._words[ticket], wait)

    async def say(self, ticket: Ticket, word: Reply) -> None:
        """Leave a word for a job."""
        self._words[ticket].put_nowait(word)

    async def told(self, wait: float) -> list[tuple[Ticket, Message]]:
        """What was told since the last call; waits for so many seconds until something is."""
        first = await _next(self._told, wait)
        others = [self._told.get_nowait() for _ in range(self._told.qsize())]
        return others if first is None else [first, *others]


async def _next(waiting: asyncio.Queue[T], wait: float) -> T | None:
    if not waiting.empty():
        return waiting.get_nowait()
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(waiting.get(), wait)
    return None


def open_mailbox(name: str) -> Any:
    """A mailbox on the driver's own node, so that it is there for as long as the driver."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(Mailbox).options(name=name, num_cpus=0, scheduling_strategy=here).remote()


def shelf_of(depot: ObjectStoreTransfer, ticket: Ticket) -> ObjectStoreTransfer:
    """Where the files of a job are brought; the depot is the place of all that one driver has trained."""
    return replace(depot, below=f"{depot.below}-{ticket}")


class Tell(Protocol):
    """Tells the driver; gives its next word, if one comes within so many seconds."""

    def __call__(self, messages: Sequence[Message], wait: float) -> Reply | None: ...


class Slot(tune.Trainable):
    """A place for one candidate after the other, each trained in processes of its own."""

    def setup(self, config: dict[str, Any]) -> None:
        """Prepare for the first job.

        Args:
            config: `ticket` of the job; `mailbox`, its name; `terms` of each team; `gpus` of each worker;
                `folder`, in which the driver runs, and `path`, from which it imports; `depot`, over which
                trials' files reach the run folder, or None where they are written there.
        """
        if not config["gpus"]:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Ray would leave them all GPUs of the node
        sys.path += [place for place in config["path"] if place not in sys.path]
        with contextlib.suppress(
            OSError
        ):  # on a node without that folder relative paths lead nowhere
            os.chdir(config["folder"])
        # Or else each worker would begin by loading the program that this process runs: Ray's.
        vars(sys.modules["__main__"]).pop("__file__", None)
        start_server(config["terms"].threads)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Be ready for another job, as one always is."""
        return True

    def step(self) -> dict[str, Any]:
        """Train one job to its end."""
        ticket, mailbox = self.config["ticket"], ray.get_actor(self.config["mailbox"])
        terms: WorkerLimits = self.config["terms"]

        def tell(messages: Sequence[Message], wait: float) -> Any:
            return ray.get(mailbox.tell.remote(ticket, messages, wait))

        if tell([], 0.0) is None:  # or else it should stop before it began
            task: Any = ray.get(mailbox.take.remote(ticket))
            try:
                with self._files(ticket) as keep:
                    gpus = gpus_of(terms.workers, self.config["gpus"])
                    attend(WorkerGroup(task, terms, f"gansearch-job-{ticket}", gpus), tell, keep)
            except FileTransferError as error:
                tell([Crash("died", str(error))], 0.0)
        return {"done": True}

    def _files(self, ticket: Ticket) -> contextlib.AbstractContextManager[Keep]:
        """What brings the files of a job to where they belong."""
        depot: ObjectStoreTransfer | None = self.config["depot"]
        return (
            contextlib.nullcontext(lambda last: None)
            if depot is None
            else at_node(shelf_of(depot, ticket))
        )


def gpus_of(workers: int, gpus: float) -> Sequence[int]:
    """The first GPU of each of so many workers, among those that Ray has set aside for all of them together."""
    return [rank * int(gpus) for rank in range(workers)] if workers > 1 and gpus else []


def attend(team: WorkerGroup, tell: Tell, keep: Keep) -> None:
    """Pass on what a team tells and what it is told, and its files before that, until it has ended.

    Raises:
        DepotError: when its files could not be kept; then it is ended.
    """
    ended = False
    try:
        while not ended:
            messages = listen({0: team}, 0.0 if team.at_rung else HEARD_WITHIN)[0]
            ended = any(map(is_ending, messages))
            keep(ended)
            word = tell(messages, HEARD_WITHIN if team.at_rung else 0.0)
            if isinstance(word, Stop):
                team.say(None)
                team.end(word.grace)
                keep(True)
                return
            if word is not None:
                team.say(word)
    finally:
        team.end(0.0)
