"""Ray's actors of the executor `ray`: a message relay beside the driver, and slots on the nodes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import ray
from ray import tune
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from gansearch.errors import FileTransferError
from gansearch.execution.channel import Message
from gansearch.execution.ray.file_transfer import ObjectStoreTransfer, Upload, node_folder
from gansearch.execution.worker import is_ending, start_forkserver
from gansearch.execution.worker_group import WorkerGroup, WorkerLimits, receive_all
from gansearch.messages import Crash, Decision

POLL_INTERVAL = 0.25
"""Seconds after which a slot looks again for a reply to its trial."""
JobId = int
"""Number of a job. A trial that is submitted twice is two jobs."""


@dataclass(frozen=True)
class StopRequest:
    """Request to keep a checkpoint and end."""

    grace: float
    """Seconds after which the trial is killed."""


SlotReply = Decision | StopRequest
"""Message to a slot: the decision at a rung, or the request to stop."""
T = TypeVar("T")


class MessageRelay:
    """Actor that passes tasks and replies from the driver to the slots, and messages back."""

    def __init__(self) -> None:
        self._tasks: dict[JobId, bytes] = {}
        self._messages: asyncio.Queue[tuple[JobId, Message]] = asyncio.Queue()
        self._replies: defaultdict[JobId, asyncio.Queue[SlotReply]] = defaultdict(asyncio.Queue)

    async def submit(self, job: JobId, task: bytes) -> None:
        """Store the task of a job for the slot that will run it."""
        self._tasks[job] = task

    async def take_task(self, job: JobId) -> bytes:
        """Return the task of a job and forget it."""
        return self._tasks.pop(job)

    async def report(
        self, job: JobId, messages: Sequence[Message], timeout: float
    ) -> SlotReply | None:
        """Store messages for the driver; return the next reply, if one comes in time."""
        for message in messages:
            self._messages.put_nowait((job, message))
        if any(map(is_ending, messages)):
            self._replies.pop(job, None)
            return None
        return await _next(self._replies[job], timeout)

    async def reply(self, job: JobId, reply: SlotReply) -> None:
        """Store a reply to a job."""
        self._replies[job].put_nowait(reply)

    async def messages(self, timeout: float) -> list[tuple[JobId, Message]]:
        """Return all messages since the last call; wait at most `timeout` seconds for one."""
        first = await _next(self._messages, timeout)
        others = [self._messages.get_nowait() for _ in range(self._messages.qsize())]
        return others if first is None else [first, *others]


async def _next(waiting: asyncio.Queue[T], timeout: float) -> T | None:
    """Return the next item of a queue; None if none comes in time."""
    if not waiting.empty():
        return waiting.get_nowait()
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(waiting.get(), timeout)
    return None


def start_relay(name: str) -> Any:
    """Start a relay on the driver's own node, so that it lives as long as the driver."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    relay = ray.remote(MessageRelay)
    return relay.options(name=name, num_cpus=0, scheduling_strategy=here).remote()


class Report(Protocol):
    """Function that sends messages to the driver and returns its next reply, if one is in time."""

    def __call__(self, messages: Sequence[Message], timeout: float) -> SlotReply | None: ...


class Slot(tune.Trainable):
    """Trainable of Tune that trains one candidate after the other, in new processes each."""

    def setup(self, config: dict[str, Any]) -> None:
        """Prepare for the first job.

        Args:
            config: `job`, the job's number; `relay`, the relay's name; `limits` of each worker
                group; `gpus` per worker; `folder`, the driver's working directory; `path`, its
                `sys.path`; `transfer`, over which files reach the run folder, or None where trials
                write them there.
        """
        if not config["gpus"]:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Ray would leave them all GPUs of the node
        sys.path += [entry for entry in config["path"] if entry not in sys.path]
        # A node without that folder cannot follow relative paths.
        with contextlib.suppress(OSError):
            os.chdir(config["folder"])
        start_forkserver(config["limits"].threads)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Accept another job: a slot keeps nothing of the last one."""
        return True

    def step(self) -> dict[str, Any]:
        """Train one job to its end."""
        job, relay = self.config["job"], ray.get_actor(self.config["relay"])
        limits: WorkerLimits = self.config["limits"]

        def report(messages: Sequence[Message], timeout: float) -> Any:
            return ray.get(relay.report.remote(job, messages, timeout))

        if report([], 0.0) is not None:  # it was asked to stop before it began
            return {"done": True}
        task: Any = ray.get(relay.take_task.remote(job))
        transfer: ObjectStoreTransfer | None = self.config["transfer"]
        try:
            folder: AbstractContextManager[Upload] = contextlib.nullcontext(lambda last: None)
            if transfer is not None:
                folder = node_folder(transfer.of_job(job))
            with folder as upload:
                gpus = gpus_of(limits.workers, self.config["gpus"])
                group = WorkerGroup(task, limits, f"gansearch-job-{job}", gpus)
                supervise(group, report, upload)
        except FileTransferError as error:
            report([Crash("died", str(error))], 0.0)
        return {"done": True}


def gpus_of(workers: int, gpus: float) -> Sequence[int]:
    """Return the first GPU of each worker among those that Ray has reserved for the candidate."""
    if workers == 1 or not gpus:
        return []
    return [rank * int(gpus) for rank in range(workers)]


def supervise(group: WorkerGroup, report: Report, upload: Upload) -> None:
    """Pass on messages and replies, and upload files before each message, until the group ends.

    Raises:
        FileTransferError: when its files could not be uploaded; then the group is ended.
    """
    ended = False
    try:
        while not ended:
            messages = receive_all({0: group}, 0.0 if group.at_rung else POLL_INTERVAL)[0]
            ended = any(map(is_ending, messages))
            upload(ended)
            reply = report(messages, POLL_INTERVAL if group.at_rung else 0.0)
            if isinstance(reply, StopRequest):
                group.send(None)
                group.end(reply.grace)
                upload(True)
                return
            if reply is not None:
                group.send(reply)
    finally:
        group.end(0.0)
