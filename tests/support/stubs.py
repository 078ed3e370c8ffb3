"""Stand-ins for training: what they stand for ends as it is told to."""

import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from gansearch.messages import AtRung, Decision, Ended, Outcome, Progress, StoppedError
from gansearch.signals import HEALTHY, Verdict
from gansearch.trial_record import Rung


def healthy(job):
    """An outcome whose quality depends on the candidate alone."""
    quality = 10 / job.candidate.generator.width + abs(job.candidate.schedule.generator_lr - 1e-3)
    return Outcome(HEALTHY, steps=20, seconds=0.1, metrics={"sliced_wasserstein": quality})


@dataclass
class InlineExecutor:
    """Ends every job at once with what a function of the job says; may die after so many jobs.

    A job first comes to each rung of the outcome, and ends at the one from which it may not go on.
    """

    evaluate: object = healthy
    slots: int = 1
    dies_after: int | None = None
    jobs: list = field(default_factory=list)
    _endings: dict = field(default_factory=dict)
    _at: dict = field(default_factory=dict)

    def submit(self, job):
        if self.dies_after is not None and len(self.jobs) >= self.dies_after:
            raise KilledError
        self.jobs.append(job)
        self._endings[job.trial] = self.evaluate(job)
        self._at[job.trial] = 0

    def events(self, timeout):
        return [self._event(trial) for trial in list(self._endings)]

    def _event(self, trial):
        ending, at = self._endings[trial], self._at[trial]
        rungs = getattr(ending, "rungs", ())
        if at < len(rungs):
            return AtRung(trial, rungs[: at + 1])
        del self._endings[trial]
        return Ended(trial, ending)

    def answer(self, trial, decision):
        self._at[trial] += 1
        if decision is not Decision.CONTINUE:
            rungs = self._endings[trial].rungs[: self._at[trial]]
            self._endings[trial] = replace(
                self._endings[trial], rungs=rungs, steps=rungs[-1].step, metrics={}
            )

    def stop(self, grace):
        if self.dies_after is not None:
            raise KilledError  # a killed driver puts nothing in order
        self._endings.clear()


@dataclass
class Phone:
    """A line to nobody: remembers what it was told, and lets a run go on from every rung but the named one."""

    ends_at: int | None = None
    told: list = field(default_factory=list)
    rungs: list = field(default_factory=list)
    signs_of_life: int = 0

    def progress(self, progress):
        self.told.append(progress)

    def at_rung(self, at_rung):
        self.rungs.append(at_rung.rungs[-1])
        return at_rung.rungs[-1].step != self.ends_at

    def at_work(self):
        self.signs_of_life += 1

    def waiting(self):
        self.signs_of_life += 1


class KilledError(BaseException):
    """Stands for a driver that is gone in the middle of its work."""


class Audience:
    """Listens, and remembers what trials ended as."""

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


def evaluate(job, line):
    """Ends a worker's process in the way that the job's candidate names."""
    match job.candidate:
        case "healthy":
            line.progress(Progress(job.trial, 1, 2, 1.0, {}, HEALTHY))
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
                evaluate(replace(job, candidate="exhausts a GPU"), line)
        case "exhausts a GPU as its libraries say it":
            raise RuntimeError(
                "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
            )
        case "waits":
            while True:
                time.sleep(0.01)
                line.progress(Progress(job.trial, 1, 2, 1.0, {}, HEALTHY))
        case "asks at two rungs":
            words = [
                line.at_rung(AtRung(job.trial, (Rung(step, {"mmd": 1.0}),))) for step in (1, 2)
            ]
            return Outcome(HEALTHY, steps=sum(words), seconds=0.0)
        case "hangs":
            time.sleep(60)
        case "measures for long":
            line.at_work()
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
                evaluate(replace(job, candidate="waits"), line)
            except StoppedError:
                (job.folder / "kept").touch()
                raise
        case "dies at a rung":
            threading.Timer(0.2, os._exit, [3]).start()
            line.at_rung(AtRung(job.trial, (Rung(1, {"mmd": 1.0}),)))
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
"""What `play` makes of candidates of the tiny study, by width and latent."""


def play(job, line):
    """Ends in the way that is the part of the job's candidate; a candidate that is a string is its own part."""
    if isinstance(job.candidate, str):
        return evaluate(job, line)
    generator = job.candidate.generator
    outcome = evaluate(replace(job, candidate=PARTS[generator.width, generator.latent]), line)
    return healthy(job) if outcome.verdict is HEALTHY else outcome


def linger(job, line):
    """Keeps a checkpoint that tells on which node of Ray it runs, and ends healthy once a file `go` is in the study's.

    Its signals tell whether it took up the checkpoint of another one.
    """
    raylet = next(process for process in psutil.Process().parents() if process.name() == "raylet")
    (job.folder / "checkpoint.pt").write_text(str(raylet.pid))
    (job.folder / "place").write_text(str(job.folder))
    while not Path("go").exists():
        line.progress(Progress(job.trial, 1, 2, 1.0, {}, HEALTHY))
        time.sleep(0.05)
    taken_up = job.resume_from is not None and (job.resume_from / "checkpoint.pt").exists()
    return replace(healthy(job), signals={"taken_up": float(taken_up)})
