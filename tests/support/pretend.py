"""A simulated GPU memory, which all processes of a test account for in a folder."""

import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from gansearch.execution.gpu.admission import admitted
from gansearch.execution.gpu.estimate import Footprint
from gansearch.execution.gpu.memory import CONTEXT, claim_of
from gansearch.messages import Progress
from gansearch.signals import HEALTHY
from gansearch.training.distributed import joined
from support.stubs import OUTCOME

COUNTED = Footprint(small=2**20, large=2**28)
"""Footprint of a candidate."""


@dataclass
class PretendMemory:
    """A `DeviceMemory` with room for `room` candidates."""

    folder: Path
    room: int = 2
    name: str = "gpu"
    capped: bool | None = None

    def __post_init__(self):
        self.total = self.room * claim_of(COUNTED).total + CONTEXT

    def free(self):
        notes = [
            path
            for path in self.folder.glob(f"{self.name}-taken-*")
            if psutil.pid_exists(int(path.suffix[1:]))
        ]
        return self.total - sum(int(note.read_text() or 0) for note in notes)

    def take(self, claim, *, capped):
        self.capped = capped
        (self.folder / f"{self.name}-taken-by.{os.getpid()}").write_text(str(claim.total))
        return True

    def taken(self):
        return {"peak_gpu_memory_bytes": 1, "reserved_gpu_memory_bytes": 2}


def stay(job, channel):
    """Be admitted as the candidate says, and stay until there is a file `leave`."""
    tempfile.tempdir = str(job.folder.parent)
    counted = None if job.candidate == "uncounted" else COUNTED
    with admitted(
        PretendMemory(job.folder.parent), counted, channel.waiting, alone=job.candidate == "alone"
    ):
        (job.folder / "in").touch()
        while not (job.folder / "leave").exists():
            channel.progress(Progress(job.trial, 1, 2, 1.0, {}, HEALTHY))
            time.sleep(0.02)
    return OUTCOME


def need_a_gpu_each(job, channel):
    """Take the GPU that the candidate names for each rank, alone, and record the order."""
    tempfile.tempdir = str(job.folder)
    name = job.candidate[job.rank.rank]
    with joined(job.rank, torch.device("cpu")) as ranks, ExitStack() as on_gpu:
        with ranks.in_turn(name, channel.waiting):
            on_gpu.enter_context(
                admitted(PretendMemory(job.folder, name=name), None, channel.waiting)
            )
            with (job.folder / "order").open("a") as order:
                order.write(f"{job.trial}{name} ")
            time.sleep(0.3)  # so that the other group comes in between
        ranks.agreed(None)
    return OUTCOME
