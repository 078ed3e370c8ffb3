"""Substitutes for real training, whose ends are given."""

import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from gansearch.execution.simulated import SimulatedExecutor
from gansearch.messages import AtRung, Decision, Outcome, Progress, StoppedError
from gansearch.signals import HEALTHY, Verdict
from gansearch.trial_record import Rung


def healthy(job):
    """Return an outcome whose quality depends on the candidate alone."""
    quality = 10 / job.candidate.generator.width + abs(job.candidate.schedule.generator_lr - 1e-3)
    return Outcome(HEALTHY, steps=20, seconds=0.1, metrics={"sliced_wasserstein": quality})


@dataclass
class InlineExecutor(SimulatedExecutor):
    """A simulated executor whose driver may be killed after so many jobs."""

    trainings: object = healthy
    dies_after: int | None = None

    def submit(self, job):
        if self.dies_after is not None and len(self.jobs) >= self.dies_after:
            raise KilledError
        super().submit(job)

    def stop(self, grace):
        if self.dies_after is not None:
            raise KilledError  # a killed driver puts nothing in order
        super().stop(grace)


@dataclass
class RecordingChannel:
    """A channel that records what it is told, and pauses a run at the given step."""

    pauses_at: int | None = None
    progresses: list = field(default_factory=list)
    rungs: list = field(default_factory=list)
    heartbeats: int = 0
    decision: Decision = Decision.PAUSE

    def progress(self, progress):
        self.progresses.append(progress)

    def at_rung(self, at_rung):
        self.rungs.append(at_rung.rungs[-1])
        return self.decision if at_rung.rungs[-1].step == self.pauses_at else Decision.CONTINUE

    def heartbeat(self):
        self.heartbeats += 1

    def waiting(self):
        self.heartbeats += 1


class KilledError(BaseException):
    """Raised where a driver is killed in the middle of its work."""


class Audience:
    """A listener that records what it hears of trials that ended."""

    def __init__(self):
        self.records, self.rescues, self.retries, self.rejections = [], [], [], []
        self.is_exhausted = False

    def began(self, records, slots):
        pass

    def started(self, record):
        pass

    def retrying(self, record, reason):
        self.retries.append((record.number, reason))

    def rejected(self, rejection):
        self.rejections.append(rejection)

    def exhausted(self):
        self.is_exhausted = True

    def progressed(self, progress):
        pass

    def rescuing(self, record, remedy):
        self.rescues.append((record.number, record.verdict.status, remedy.title))

    def ended(self, record):
        self.records.append(record)

    def idle(self):
        pass


OUTCOME = Outcome(HEALTHY, steps=1, seconds=0.0)


def evaluate(job, channel):
    """End a worker in the way that the job's candidate names."""
    match job.candidate:
        case "healthy":
            channel.progress(Progress(job.trial, 1, 2, 1.0, {}, HEALTHY))
        case "raises":
            raise ValueError("no such thing")
        case "exits":
            os._exit(3)
        case "is killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exhausts memory":
            import torch

            torch.empty(2**55)
        case "exhausts a GPU":
            import torch

            raise torch.OutOfMemoryError("CUDA out of memory")
        case "exhausts a GPU that it shares":
            if not job.alone:
                evaluate(replace(job, candidate="exhausts a GPU"), channel)
        case "exhausts a GPU as its libraries say it":
            raise RuntimeError(
                "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
            )
        case "waits":
            while True:
                time.sleep(0.01)
                channel.progress(Progress(job.trial, 1, 2, 1.0, {}, HEALTHY))
        case "asks at two rungs":
            for step in (1, 2):
                decision = channel.at_rung(AtRung(job.trial, (Rung(step, {"mmd": 1.0}),)))
                if decision is not Decision.CONTINUE:
                    return Outcome(HEALTHY, steps=step, seconds=0.0, decision=decision)
            return Outcome(HEALTHY, steps=3, seconds=0.0)
        case "hangs":
            time.sleep(60)
        case "measures for long":
            channel.heartbeat()
            time.sleep(60)
        case "is flaky":
            if job.resume_from is None:
                os._exit(3)
        case "fails to converge":
            return Outcome(
                Verdict("convergence-failure", 8, {"rule": "no progress"}, "convergence-failure"),
                8,
                0.0,
            )
        case "collapses":
            return Outcome(
                Verdict("mode-collapse", 9, {"rule": "little variety"}, "mode-collapse"), 9, 0.0
            )
        case "diverges":
            return Outcome(Verdict("diverged", 10, {"rule": "no number"}, "divergence"), 10, 0.0)
        case "kills its starter":
            os.kill(multiprocessing.parent_process().pid, signal.SIGKILL)
            time.sleep(60)
        case "keeps a checkpoint when stopped":
            try:
                evaluate(replace(job, candidate="waits"), channel)
            except StoppedError:
                (job.folder / "kept").touch()
                raise
        case "dies at a rung":
            threading.Timer(0.2, os._exit, [3]).start()
            channel.at_rung(AtRung(job.trial, (Rung(1, {"mmd": 1.0}),)))
        case "tells its threads":
            import torch

            return Outcome(HEALTHY, steps=torch.get_num_threads(), seconds=0.0)
        case "tells its GPUs":
            return Outcome(
                HEALTHY,
                steps=1,
                seconds=0.0,
                stamp={"gpus": os.environ.get("CUDA_VISIBLE_DEVICES")},
            )
        case "forks a note":
            Path(job.folder).write_text(str(os.getpid()))
            time.sleep(60)
    return OUTCOME


PARTS = {
    (64, 8): "healthy",
    (8, 8): "fails to converge",
    (16, 8): "collapses",
    (24, 8): "diverges",
    (32, 8): "raises",
    (40, 8): "exits",
    (48, 8): "is killed",
    (56, 8): "exhausts memory",
    (8, 2): "hangs",
    (16, 2): "is flaky",
    (24, 2): "asks at two rungs",
    (32, 2): "healthy",
    (40, 2): "exhausts a GPU that it shares",
    (48, 2): "exhausts a GPU",
    (56, 2): "exhausts a GPU as its libraries say it",
}
"""Ways to end of `play`, by width and latent of the candidates of the tiny study."""


def play(job, channel):
    """End a worker as `PARTS` says of the candidate; a candidate that is a string names the way."""
    if isinstance(job.candidate, str):
        return evaluate(job, channel)
    generator = job.candidate.generator
    outcome = evaluate(replace(job, candidate=PARTS[generator.width, generator.latent]), channel)
    return healthy(job) if outcome.verdict is HEALTHY else outcome


def linger(job, channel):
    """Write a checkpoint that names the Ray node, and end healthy once there is a file `go`.

    The signal `resumed` is 1 when it was resumed from a checkpoint.
    """
    raylet = next(process for process in psutil.Process().parents() if process.name() == "raylet")
    resumed = job.resume_from is not None and (job.resume_from / "checkpoint.pt").exists()
    (job.folder / "checkpoint.pt").write_text(str(raylet.pid))
    (job.folder / "place").write_text(str(job.folder))
    while not Path("go").exists():
        channel.progress(Progress(job.trial, 1, 2, 1.0, {}, HEALTHY))
        time.sleep(0.05)
    return replace(healthy(job), signals={"resumed": float(resumed)})
