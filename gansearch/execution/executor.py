"""Executor: the protocol between the driver and the processes that train its candidates."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from gansearch.errors import GansearchError
from gansearch.execution.local import local_executor
from gansearch.execution.ray.environment import set_ray_environment
from gansearch.messages import Decision, Evaluate, Event, Job
from gansearch.study.spec import ExecutorSpec


class Executor(Protocol):
    """Slots in which candidates are trained side by side."""

    slots: int

    def submit(self, job: Job) -> None:
        """Start a job in a free slot. A trial that has ended may be submitted again."""

    def events(self, timeout: float) -> Sequence[Event]:
        """Return the events since the last call, after waiting at most `timeout` seconds for one.

        A job that was submitted ends with exactly one `Ended`, however it dies.
        """

    def answer(self, trial: int, decision: Decision) -> None:
        """Answer a trial that waits at a rung; after PAUSE or STOP it ends with its `Outcome`.

        A trial that has died meanwhile is ignored.
        """

    def stop(self, grace: float) -> None:
        """Ask every running job to keep a checkpoint and end; after `grace` seconds, kill it."""


def open_executor(
    evaluate: Evaluate, spec: ExecutorSpec, device: str
) -> AbstractContextManager[Executor]:
    """Return the executor that a study asks for, as a context manager.

    Args:
        evaluate: trains and judges a candidate.
        spec: the study's `executor`.
        device: the study's `training.device`; the local executor divides its GPUs among the slots.

    Raises:
        GansearchError: when the study asks for Ray and Ray is not installed.
    """
    if spec.use == "local":
        return local_executor(evaluate, spec, device)
    set_ray_environment(starts_ray=spec.address is None)
    # Here and not at the top, since Ray is optional, and reads its environment when it is imported.
    try:
        from gansearch.execution.ray.executor import ray_executor
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise GansearchError('the executor ray needs Ray: pip install "gansearch[ray]"') from None
    return ray_executor(evaluate, spec)
