"""Stand-ins for training: what they stand for ends as it is told to."""

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from gansearch.signals import HEALTHY
from gansearch.trial import Ended, Outcome, Progress


def healthy(job):
    """An outcome whose quality depends on the candidate alone."""
    quality = 10 / job.candidate.generator.width + abs(job.candidate.schedule.generator_lr - 1e-3)
    return Outcome(HEALTHY, steps=20, seconds=0.1, metrics={"sliced_wasserstein": quality})


@dataclass
class InlineExecutor:
    """Ends every job at once with what a function of the job says; may die after so many jobs."""

    evaluate: object = healthy
    slots: int = 1
    dies_after: int | None = None
    jobs: list = field(default_factory=list)
    _waiting: list = field(default_factory=list)

    def submit(self, job):
        if self.dies_after is not None and len(self.jobs) >= self.dies_after:
            raise KilledError
        self.jobs.append(job)
        self._waiting.append(job)

    def events(self, timeout):
        done, self._waiting = self._waiting, []
        return [Ended(job.trial, self.evaluate(job)) for job in done]

    def stop(self, grace):
        if self.dies_after is not None:
            raise KilledError  # a killed driver puts nothing in order
        self._waiting = []


class KilledError(BaseException):
    """Stands for a driver that is gone in the middle of its work."""


class Audience:
    """Listens, and remembers what trials ended as."""

    def __init__(self):
        self.records = []

    def began(self, records, slots):
        pass

    def started(self, trial, candidate, sizes):
        pass

    def progressed(self, progress):
        pass

    def ended(self, record):
        self.records.append(record)

    def idle(self):
        pass


OUTCOME = Outcome(HEALTHY, steps=1, seconds=0.0)


def evaluate(job, report):
    """Ends a worker's process in the way that the job's candidate names."""
    match job.candidate:
        case "healthy":
            report(Progress(job.trial, 1, 2, 1.0, {}, HEALTHY))
        case "raises":
            raise ValueError("no such thing")
        case "exits":
            os._exit(3)
        case "is killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exhausts memory":
            import torch

            torch.empty(2**55)
        case "waits":
            while True:
                time.sleep(0.01)
                report(Progress(job.trial, 1, 2, 1.0, {}, HEALTHY))
        case "tells its threads":
            import torch

            return Outcome(HEALTHY, steps=torch.get_num_threads(), seconds=0.0)
        case "forks a note":
            Path(job.folder).write_text(str(os.getpid()))
            time.sleep(60)
    return OUTCOME
