"""Measure what a promotion costs beside its steps, for START_SECONDS of the replays.

    python benchmarks/tabular/start_cost.py [--table NAME] [--rounds 8]

Trains the table's baseline for 100 steps with the real runner, in processes that are forked from
the real forkserver: in turns in one piece, and paused at a rung in the middle and promoted, in two
processes. Prints the CPU seconds that the second way takes more.
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

from gansearch.execution.trial_runner import TrialRunner
from gansearch.execution.worker import start_forkserver
from gansearch.messages import AtRung, Decision, Job, Progress
from gansearch.study.study import Study

STEPS = 100


class Answers:
    """Channel that answers every rung in the same way, and drops all reports."""

    def __init__(self, decision: Decision) -> None:
        self._decision = decision

    def progress(self, progress: Progress) -> None:
        """Drop a report."""

    def heartbeat(self) -> None:
        """Say nothing."""

    def at_rung(self, at_rung: AtRung) -> Decision:
        """Answer."""
        return self._decision


def run(runner: TrialRunner, job: Job, decision: Decision, pipe: Connection) -> None:
    """Run a job, and send the CPU seconds of this process."""
    torch.set_num_threads(1)
    runner(job, Answers(decision))  # type: ignore[arg-type]
    pipe.send(time.process_time())


def seconds(study: Study, *decisions: Decision) -> float:
    """Return the CPU seconds of the baseline, in a process for each decision at its rung."""
    training = study.spec.training.model_copy(
        update={"steps": STEPS, "sample_every": 0, "checkpoint_every": 0}
    )
    quality = next(o.metric for o in study.objectives if not o.is_size)
    metrics = {quality: study.space.metrics[quality]}
    runner = TrialRunner(training, (), metrics, [quality], [0.5], study.extractor)
    candidate = study.space.candidate(study.space.baseline_parameters)
    context = multiprocessing.get_context("forkserver")
    spent = 0.0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for i, decision in enumerate(decisions):
            job = Job(0, candidate, folder, resume_from=folder if i else None)
            here, there = context.Pipe()
            process = context.Process(target=run, args=(runner, job, decision, there))
            process.start()
            spent += here.recv()
            process.join()
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    table_argument(parser)
    parser.add_argument("--rounds", type=int, default=8)
    options = parser.parse_args()
    study = Study.load(options.table.study)
    start_forkserver(1)
    pairs = [
        (
            seconds(study, Decision.PAUSE, Decision.CONTINUE),
            seconds(study, Decision.CONTINUE),
        )
        for _ in range(options.rounds)
    ]
    more = [paused - whole for paused, whole in pairs]
    low, _, high = statistics.quantiles(more, n=4)
    print(
        f"a promotion takes {statistics.median(more):.2f} s more "
        f"(quartiles {low:.2f} to {high:.2f}, {options.rounds} rounds)"
    )


if __name__ == "__main__":
    main()
