"""Cost of an executor per trial, and per message of a trial, with a training that does nothing.

    python benchmarks/executors/measure.py [--trials 200] [--workers 1 2] [--out results.json]

Runs jobs that end at once, jobs that report progress 1,000 times and jobs that wait for a decision
at 100 rungs through each executor, without a driver. The first job of each slot is reported apart,
since it waits until torch is loaded. About 2 minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from jobs import TIMES, evaluate

from gansearch.execution.executor import Executor, open_executor
from gansearch.messages import AtRung, Decision, Ended, Job, Outcome
from gansearch.study.spec import ExecutorSpec


@dataclass(frozen=True)
class Run:
    """Times of jobs that were run through an executor."""

    seconds: float
    in_worker: Sequence[float]
    """Seconds of each job, measured in its worker."""


def run(executor: Executor, kind: str, jobs: int) -> Run:
    """Run jobs of a kind, as many at a time as there are slots."""
    in_worker: list[float] = []
    before, waiting, running = time.perf_counter(), iter(range(jobs)), 0
    while len(in_worker) < jobs:
        for number in (next(waiting, None) for _ in range(executor.slots - running)):
            if number is not None:
                executor.submit(Job(number, kind, Path()))  # type: ignore[arg-type]
                running += 1
        for event in executor.events(0.25):
            if isinstance(event, AtRung):
                executor.answer(event.trial, Decision.CONTINUE)
            elif isinstance(event, Ended):
                assert isinstance(event.ending, Outcome), event.ending
                in_worker.append(event.ending.seconds)
                running -= 1
    return Run(time.perf_counter() - before, in_worker)


def measure(use: str, workers: int, trials: int) -> dict[str, object]:
    """Run jobs of each kind through an executor."""
    spec = ExecutorSpec.model_validate({"use": use, "workers": workers})
    before = time.perf_counter()
    with open_executor(evaluate, spec, "cpu") as executor:
        opened = time.perf_counter() - before
        first = run(executor, "nothing", workers)
        ended = run(executor, "nothing", trials)
        reported, asked = (run(executor, kind, 4 * workers) for kind in ("tell", "ask"))
        before = time.perf_counter()
    return {
        "executor": use,
        "workers": workers,
        "opened_s": round(opened, 2),
        "first_trials_s": round(first.seconds, 2),
        "slot_s_a_trial": round(ended.seconds * workers / trials, 3),
        "tell_ms": round(statistics.median(reported.in_worker) / TIMES["tell"] * 1e3, 3),
        "ask_ms": round(statistics.median(asked.in_worker) / TIMES["ask"] * 1e3, 2),
        "closed_s": round(time.perf_counter() - before, 2),
    }


def measurements(workers: Sequence[int], trials: int) -> Iterator[dict[str, object]]:
    """Measure each executor with each number of workers."""
    for count in workers:
        for use in ("local", "ray"):
            result = measure(use, count, trials)
            print(json.dumps(result), flush=True)
            yield result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    report = {
        "ray": version("ray"),
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "trials": arguments.trials,
        "results": list(measurements(arguments.workers, arguments.trials)),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
