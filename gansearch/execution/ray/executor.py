"""The executor on Ray Tune: Ray says where a candidate is trained, and nothing else.

A job becomes a trial of Tune's, without a scheduler of Ray's, and Tune finds a slot for it on some node.
There it is trained in processes of its own, as on the local executor and by the same code, so that it comes
to the same ending; Ray repeats nothing. What trials tell and are told goes through a mailbox beside the driver.

Trials write into the run folder from wherever they are, so that on a cluster it must lie on storage that all
nodes see under the same path; or else their files are brought there over a depot, and the driver alone writes.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.exceptions import OutOfMemoryError, RayActorError, RayError
from ray.tune.experiment import Trial
from ray.tune.search import Searcher as TuneSearcher

from gansearch.errors import FileTransferError, GansearchError
from gansearch.execution.ray.file_transfer import Elsewhere, ObjectStoreTransfer, dispatch, received
from gansearch.execution.ray.session import ray_session, slots_in, threads_in
from gansearch.execution.ray.slot import Reply, Slot, Stop, Ticket, open_mailbox, shelf_of
from gansearch.execution.worker import task_of
from gansearch.execution.worker_group import WorkerLimits
from gansearch.messages import (
    AtRung,
    Crash,
    Decision,
    Ended,
    Ending,
    Evaluate,
    Event,
    Job,
    Progress,
)
from gansearch.study.spec import ExecutorSpec

LATE = 5.0
"""Seconds that Tune may need beyond the grace to end its trials."""


@contextlib.contextmanager
def ray_executor(evaluate: Evaluate, spec: ExecutorSpec) -> Iterator[RayExecutor]:
    """An executor on a cluster, or on a Ray of its own that ends with it.

    Raises:
        GansearchError: when no cluster answers, or none of its nodes has what a candidate should get.
        DepotError: when the study names a storage over which no files can be brought.
    """
    if spec.storage_path is not None:
        ObjectStoreTransfer(spec.storage_path).check()
    with ray_session(spec) as folder:
        executor = RayExecutor(evaluate, spec, folder)
        try:
            yield executor
        finally:
            executor.stop(0.0)


class RayExecutor:
    """Trains each job as a trial of Ray Tune's, which runs in a thread of the driver."""

    def __init__(self, evaluate: Evaluate, spec: ExecutorSpec, folder: Path) -> None:
        """Begin to wait for jobs.

        Args:
            evaluate: what trains.
            spec: what each candidate gets, and how many there are at a time.
            folder: where Tune may keep its own files.
        """
        self.slots = slots_in(spec)
        self._evaluate = evaluate
        self._tickets = count()
        self._running: dict[Ticket, Job] = {}
        self._jobs, self._deaths = Jobs(), Deaths()
        self._failure: Exception | None = None
        name = f"gansearch-{uuid.uuid4()}"
        self._depot = (
            None
            if spec.storage_path is None
            else ObjectStoreTransfer(spec.storage_path, f"/{name}")
        )
        self._mailbox = open_mailbox(name)
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(
            self.slots
        )  # or else they would start one after the other
        self._tuning = threading.Thread(
            target=self._tune, args=(name, spec, folder), name="ray-tune", daemon=True
        )
        self._tuning.start()

    def submit(self, job: Job) -> None:
        ticket = next(self._tickets)
        self._running[ticket] = job
        try:
            task = self._task(ticket, job)
        except FileTransferError as error:
            self._deaths.hear(ticket, Crash("died", str(error)))
            return
        _done(self._mailbox.submit.remote(ticket, task))
        self._jobs.hand_out(ticket)

    def _task(self, ticket: Ticket, job: Job) -> bytes:
        """What a slot is given to do, once what it needs is where it will be looked for."""
        if self._depot is None:
            return task_of(self._evaluate, job)
        shelf = shelf_of(self._depot, ticket)
        dispatch(shelf, job)
        return task_of(Elsewhere(self._evaluate, shelf), job)

    def events(self, timeout: float) -> Sequence[Event]:
        if not self._tuning.is_alive():
            raise GansearchError(f"Ray Tune has ended before the search did: {self._failure}")
        # Deaths first, so that what a trial told before it died is heard before that.
        deaths = self._deaths.take()
        told = _done(self._mailbox.told.remote(0.0 if deaths else timeout))
        events: list[Event] = []
        for ticket, message in [*told, *deaths]:
            if ticket not in self._running:  # it has ended already
                continue
            if isinstance(message, (Progress, AtRung)):
                events.append(message)
            else:
                events.append(self._ended(ticket, message))
        return events

    def _ended(self, ticket: Ticket, ending: Ending) -> Ended:
        """How a trial has ended, with its files in the run folder."""
        job = self._running.pop(ticket)
        if self._depot is not None:
            ending = received(shelf_of(self._depot, ticket), job, ending)
        return Ended(job.trial, ending)

    def answer(self, trial: int, decision: Decision) -> None:
        self._say(trial, decision is Decision.CONTINUE)

    def stop(self, grace: float) -> None:
        with contextlib.suppress(GansearchError):  # where Ray is gone there is nothing left to stop
            for trial in {job.trial for job in self._running.values()}:
                self._say(trial, Stop(grace))
        self._jobs.close()
        self._tuning.join(grace + LATE)
        if (
            not self._tuning.is_alive()
        ):  # or else something may come yet, which the next driver will fetch
            for ticket in list(self._running):
                self._ended(ticket, Crash("died", "interrupted"))
        self._running.clear()

    def _say(self, trial: int, word: Reply) -> None:
        for ticket, job in self._running.items():
            if job.trial == trial:
                _done(self._mailbox.say.remote(ticket, word))

    def _tune(self, name: str, spec: ExecutorSpec, folder: Path) -> None:
        """Have Tune run jobs until there are no more; in a thread of its own."""
        try:
            self._tuner(name, spec, folder).fit()
        except Exception as error:
            self._failure = error

    def _tuner(self, name: str, spec: ExecutorSpec, folder: Path) -> tune.Tuner:
        workers, cpus, gpus = spec.workers_per_candidate, spec.resources.cpus, spec.resources.gpus
        terms = WorkerLimits(threads_in(spec, self.slots), spec.heartbeat_timeout, workers)
        return tune.Tuner(
            # One bundle for all of its workers, so that they are on one node.
            tune.with_resources(Slot, {"cpu": workers * cpus, "gpu": workers * gpus}),
            param_space={
                "mailbox": name,
                "folder": os.getcwd(),
                "path": sys.path,
                "terms": terms,
                "gpus": gpus,
                "depot": self._depot,
            },
            tune_config=tune.TuneConfig(
                search_alg=self._jobs, num_samples=-1, reuse_actors=True, trial_dirname_creator=str
            ),
            run_config=tune.RunConfig(
                name=name,
                storage_path=str(folder),
                callbacks=[self._deaths],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                verbose=0,
            ),
        )


def _done(answer: Any) -> Any:
    """Wait for an answer of the mailbox.

    Raises:
        GansearchError: when there will be none.
    """
    try:
        return ray.get(answer)
    except RayError as error:
        raise GansearchError(f"the connection to Ray is lost: {_first_line(error)}") from error


# --------------------------------------------------------------------------------------------------
# What Tune sees in the driver


class Jobs(TuneSearcher):
    """Hands Tune the tickets of submitted jobs, first come, first served."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self._running = 0

    def hand_out(self, ticket: Ticket) -> None:
        """Have a job run."""
        self._waiting.put(ticket)

    def close(self) -> None:
        """Say that no more will come; what is waiting still runs."""
        self._waiting.put(None)

    def suggest(self, trial_id: str) -> Any:
        """The ticket of a job as the configuration of a trial; None where there is none yet."""
        try:
            # Given nothing while nothing runs, Tune would sleep for a second.
            ticket = self._waiting.get(block=self._running == 0)
        except queue.Empty:
            return None
        if ticket is None:
            return self.FINISHED
        self._running += 1
        return {"ticket": ticket}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        self._running -= 1

    def save(self, checkpoint_path: str) -> None:
        """Keep nothing: what there is to resume, the study knows."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Jobs, ()


class Deaths(tune.Callback):
    """Hears from Tune which jobs have lost their slot."""

    def __init__(self) -> None:
        self._heard: queue.SimpleQueue[tuple[Ticket, Crash]] = queue.SimpleQueue()

    def hear(self, ticket: Ticket, crash: Crash) -> None:
        """Hear of one."""
        self._heard.put((ticket, crash))

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        self.hear(trial.config["ticket"], _death(trial))

    def take(self) -> list[tuple[Ticket, Crash]]:
        """Those that were heard of since the last call."""
        return [self._heard.get() for _ in range(self._heard.qsize())]

    def __reduce__(self) -> tuple[Any, ...]:
        return Deaths, ()


def _death(trial: Trial) -> Crash:
    """How a slot died, from what Ray says of it."""
    error = pickle.loads(Path(trial.pickled_error_file).read_bytes())
    if isinstance(error, OutOfMemoryError):
        return Crash("out-of-memory", f"Ray ended its slot: {_first_line(error)}")
    if isinstance(error, RayActorError) and not error.actor_init_failed:
        return Crash("died", f"its slot on Ray was lost: {_cause(error)}")
    return Crash("raised", str(error).rstrip().splitlines()[-1], traceback=str(error))


def _cause(error: RayActorError) -> str:
    """What Ray knows of it, without what it says of the actor, indented, and the guesses that follow."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith("\t")]
    return lines[-1].partition(" Some common causes")[0]


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
