"""The executor on Ray Tune: Ray decides where a candidate is trained, and nothing else.

A job becomes a trial of Tune's, without a scheduler of Ray's, and Tune finds a slot for it on some
node. There it is trained in processes of its own, as on the local executor and by the same code, so
that it ends the same way; Ray repeats nothing. Messages and replies go through a relay beside the
driver.

Trials write into the run folder from wherever they are, so on a cluster it must lie on storage that
all nodes see under the same path; or their files are transferred over an object store.
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
from gansearch.execution.ray.file_transfer import (
    NodeEvaluate,
    ObjectStoreTransfer,
    download_outputs,
    upload_inputs,
)
from gansearch.execution.ray.session import count_slots, ray_session, threads_of_worker
from gansearch.execution.ray.slot import JobId, Slot, StopRequest, start_relay
from gansearch.execution.worker import pickle_task
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

SHUTDOWN_TIMEOUT = 5.0
"""Seconds that Tune may need beyond the grace to end its trials."""


@contextlib.contextmanager
def ray_executor(evaluate: Evaluate, spec: ExecutorSpec) -> Iterator[RayExecutor]:
    """Give an executor on a cluster, or on a Ray of its own that ends with it.

    Raises:
        GansearchError: when no cluster answers, or no node has the resources of a candidate.
        FileTransferError: when the study's storage does not work.
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
    """Executor whose jobs are trials of Ray Tune, which runs in a thread of the driver."""

    def __init__(self, evaluate: Evaluate, spec: ExecutorSpec, folder: Path) -> None:
        """Start Tune.

        Args:
            evaluate: trains and judges a candidate.
            spec: number of slots, and resources of each.
            folder: folder for Tune's own files.
        """
        self.slots = count_slots(spec)
        self._evaluate = evaluate
        self._numbers = count()
        self._running: dict[JobId, Job] = {}
        self._jobs, self._crashes = JobSearcher(), CrashCallback()
        self._failure: Exception | None = None
        name = f"gansearch-{uuid.uuid4()}"
        self._transfer: ObjectStoreTransfer | None = None
        if spec.storage_path is not None:
            self._transfer = ObjectStoreTransfer(spec.storage_path, f"/{name}")
        self._relay = start_relay(name)
        # Tune would otherwise start the slots one after the other.
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(self.slots)
        self._tuning = threading.Thread(
            target=self._tune, args=(name, spec, folder), name="ray-tune", daemon=True
        )
        self._tuning.start()

    def submit(self, job: Job) -> None:
        number = next(self._numbers)
        self._running[number] = job
        evaluate = self._evaluate
        if self._transfer is not None:
            transfer = self._transfer.of_job(number)
            try:
                upload_inputs(transfer, job)
            except FileTransferError as error:
                self._crashes.add(number, Crash("died", str(error)))
                return
            evaluate = NodeEvaluate(evaluate, transfer)
        _get(self._relay.submit.remote(number, pickle_task(evaluate, job)))
        self._jobs.add(number)

    def events(self, timeout: float) -> Sequence[Event]:
        if not self._tuning.is_alive():
            raise GansearchError(f"Ray Tune has ended before the search did: {self._failure}")
        # Crashes first, so that messages which a trial sent before it died come before its crash.
        crashes = self._crashes.take()
        messages = _get(self._relay.messages.remote(0.0 if crashes else timeout))
        events: list[Event] = []
        for number, message in [*messages, *crashes]:
            if number not in self._running:  # it has ended already
                continue
            if isinstance(message, (Progress, AtRung)):
                events.append(message)
            else:
                events.append(self._end(number, message))
        return events

    def _end(self, number: JobId, ending: Ending) -> Ended:
        """Forget a job that has ended, and bring its files into the run folder."""
        job = self._running.pop(number)
        if self._transfer is not None:
            ending = download_outputs(self._transfer.of_job(number), job, ending)
        return Ended(job.trial, ending)

    def answer(self, trial: int, decision: Decision) -> None:
        for number, job in self._running.items():
            if job.trial == trial:
                _get(self._relay.reply.remote(number, decision))

    def stop(self, grace: float) -> None:
        with contextlib.suppress(GansearchError):  # where Ray is gone there is nothing left to stop
            for number in self._running:
                _get(self._relay.reply.remote(number, StopRequest(grace)))
        self._jobs.close()
        self._tuning.join(grace + SHUTDOWN_TIMEOUT)
        # If Tune still runs, files may still be uploaded; the next driver downloads those.
        if not self._tuning.is_alive():
            for number in list(self._running):
                self._end(number, Crash("died", "interrupted"))
        self._running.clear()

    def _tune(self, name: str, spec: ExecutorSpec, folder: Path) -> None:
        """Let Tune run jobs until there are no more; runs in a thread of its own."""
        workers, cpus, gpus = spec.workers_per_candidate, spec.resources.cpus, spec.resources.gpus
        try:
            threads = threads_of_worker(spec, self.slots)
            tuner = tune.Tuner(
                # One bundle for all workers of a candidate, so that they are on one node.
                tune.with_resources(Slot, {"cpu": workers * cpus, "gpu": workers * gpus}),
                param_space={
                    "relay": name,
                    "folder": os.getcwd(),
                    "path": sys.path,
                    "limits": WorkerLimits(threads, spec.heartbeat_timeout, workers),
                    "gpus": gpus,
                    "transfer": self._transfer,
                },
                tune_config=tune.TuneConfig(
                    search_alg=self._jobs,
                    num_samples=-1,
                    reuse_actors=True,
                    trial_dirname_creator=str,
                ),
                run_config=tune.RunConfig(
                    name=name,
                    storage_path=str(folder),
                    callbacks=[self._crashes],
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                    verbose=0,
                ),
            )
            tuner.fit()
        except Exception as error:
            self._failure = error


def _get(reference: Any) -> Any:
    """Wait for an answer of the relay.

    Raises:
        GansearchError: when the connection to Ray is lost.
    """
    try:
        return ray.get(reference)
    except RayError as error:
        raise GansearchError(f"the connection to Ray is lost: {_first_line(error)}") from error


# --------------------------------------------------------------------------------------------------
# Parts of Tune, in the driver


class JobSearcher(TuneSearcher):
    """Search algorithm of Tune that gives it the numbers of submitted jobs in their order."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: queue.SimpleQueue[JobId | None] = queue.SimpleQueue()
        self._running = 0

    def add(self, job: JobId) -> None:
        """Add a job."""
        self._waiting.put(job)

    def close(self) -> None:
        """Announce that there are no more jobs; those that wait still run."""
        self._waiting.put(None)

    def suggest(self, trial_id: str) -> Any:
        """Return the number of a job as the configuration of a trial; None where no job waits."""
        try:
            # Tune would sleep for a second if it got no job while none runs.
            job = self._waiting.get(block=self._running == 0)
        except queue.Empty:
            return None
        if job is None:
            return self.FINISHED
        self._running += 1
        return {"job": job}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        self._running -= 1

    def save(self, checkpoint_path: str) -> None:
        """Keep nothing: a search is resumed from the study's own storage."""

    def __reduce__(self) -> tuple[Any, ...]:
        return JobSearcher, ()


class CrashCallback(tune.Callback):
    """Callback of Tune that collects the jobs whose slot has failed."""

    def __init__(self) -> None:
        self._crashes: queue.SimpleQueue[tuple[JobId, Crash]] = queue.SimpleQueue()

    def add(self, job: JobId, crash: Crash) -> None:
        """Add a crash."""
        self._crashes.put((job, crash))

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        error = pickle.loads(Path(trial.pickled_error_file).read_bytes())
        if isinstance(error, OutOfMemoryError):
            crash = Crash("out-of-memory", f"Ray ended its slot: {_first_line(error)}")
        elif isinstance(error, RayActorError) and not error.actor_init_failed:
            # The last line that is not indented has the cause, and then guesses.
            lines = [line for line in str(error).splitlines() if line and not line.startswith("\t")]
            cause = lines[-1].partition(" Some common causes")[0]
            crash = Crash("died", f"its slot on Ray was lost: {cause}")
        else:
            text = str(error)
            crash = Crash("raised", text.rstrip().splitlines()[-1], traceback=text)
        self.add(trial.config["job"], crash)

    def take(self) -> list[tuple[JobId, Crash]]:
        """Return the crashes since the last call."""
        return [self._crashes.get() for _ in range(self._crashes.qsize())]

    def __reduce__(self) -> tuple[Any, ...]:
        return CrashCallback, ()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
