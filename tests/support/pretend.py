"""Simulated GPU memory, which the processes of a test account for in a folder."""

import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from gansearch.execution.gpu.admission import admit
from gansearch.execution.gpu.estimate import MemoryEstimate
from gansearch.execution.gpu.memory import CUDA_CONTEXT, with_reserves
from gansearch.messages import Progress
from gansearch.signals import HEALTHY
from gansearch.training.distributed import process_group
from support.stubs import OUTCOME

ESTIMATE = MemoryEstimate(small=2**20, large=2**28)
"""Memory of a candidate."""


@dataclass
class PretendMemory:
    """Implementation of `DeviceMemory` for `room` candidates."""

    folder: Path
    room: int = 2
    name: str = "gpu"
    capped: bool | None = None

    def __post_init__(self):
        self.total = self.room * with_reserves(ESTIMATE).total + CUDA_CONTEXT

    def free(self):
        notes = [
            path
            for path in self.folder.glob(f"{self.name}-used-*")
            if psutil.pid_exists(int(path.suffix[1:]))
        ]
        return self.total - sum(int(note.read_text() or 0) for note in notes)

    def reserve(self, size, *, capped):
        self.capped = capped
        (self.folder / f"{self.name}-used-by.{os.getpid()}").write_text(str(size.total))
        return True

    def usage(self):
        return {"peak_gpu_memory_bytes": 1, "reserved_gpu_memory_bytes": 2}


def stay(job, channel):
    """Enter the GPU as the candidate says, write a file `in`, and wait for a file `leave`."""
    tempfile.tempdir = str(job.folder.parent)
    estimate = None if job.candidate == "uncounted" else ESTIMATE
    with admit(
        PretendMemory(job.folder.parent), estimate, channel.waiting, alone=job.candidate == "alone"
    ):
        (job.folder / "in").touch()
        while not (job.folder / "leave").exists():
            channel.progress(Progress(job.trial, 1, 2, 1.0, {}, HEALTHY))
            time.sleep(0.02)
    return OUTCOME


def need_a_gpu_each(job, channel):
    """Enter the GPU that the candidate names for each rank, alone, and write the order."""
    tempfile.tempdir = str(job.folder)
    name = job.candidate[job.rank.rank]
    with process_group(job.rank, torch.device("cpu")) as ranks, ExitStack() as on_gpu:
        with ranks.in_turn(name, channel.waiting):
            on_gpu.enter_context(admit(PretendMemory(job.folder, name=name), None, channel.waiting))
            with (job.folder / "order").open("a") as order:
                order.write(f"{job.trial}{name} ")
            time.sleep(0.3)  # so that the other group tries in between
        ranks.broadcast(None)
    return OUTCOME
