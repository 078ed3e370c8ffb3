"""Measure what a start of a training costs beside its steps, for START_SECONDS of the replays.

    python benchmarks/tabular/start_cost.py [--table NAME] [--rounds 8]

Runs the table's baseline with the real runner in processes that are forked from the real
forkserver, in turns for one step and for `--steps` more. What the shorter training takes, less a
step, is the start and the end: data, networks, files of the trial. Prints CPU seconds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from tables import table_argument

from gansearch.candidate import Candidate
from gansearch.execution.trial_runner import TrialRunner
from gansearch.execution.worker import start_forkserver
from gansearch.messages import Job, Progress
from gansearch.study.study import Study


class Quiet:
    """Channel to nobody."""

    def progress(self, progress: Progress) -> None:
        """Drop a report."""

    def heartbeat(self) -> None:
        """Say nothing."""

    def waiting(self) -> None:
        """Say nothing."""


def train(runner: TrialRunner, candidate: Candidate, pipe: Connection) -> None:
    """Train a candidate, and send the CPU seconds of this process."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        runner(Job(0, candidate, Path(folder)), Quiet())  # type: ignore[arg-type]
    pipe.send(time.process_time())


def seconds(study: Study, steps: int) -> float:
    """Return the CPU seconds of a process that trains the baseline for so many steps."""
    training = study.spec.training.model_copy(update={"steps": steps, "sample_every": 0})
    runner = TrialRunner(training, (), {}, extractor=study.extractor)
    candidate = study.space.candidate(study.space.baseline_parameters)
    context = multiprocessing.get_context("forkserver")
    here, there = context.Pipe()
    process = context.Process(target=train, args=(runner, candidate, there))
    process.start()
    spent: float = here.recv()
    process.join()
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    table_argument(parser)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=50, help="steps of the longer training")
    options = parser.parse_args()
    study = Study.load(options.table.study)
    start_forkserver(1)
    pairs = [(seconds(study, 1), seconds(study, 1 + options.steps)) for _ in range(options.rounds)]
    one, more = (statistics.median(column) for column in zip(*pairs, strict=True))
    step = (more - one) / options.steps
    print(f"start {one - step:.2f} s, a step {1000 * step:.1f} ms ({options.rounds} rounds)")


if __name__ == "__main__":
    main()
