"""Cost of an executor per step of a real training.

    python benchmarks/executors/steps.py [--rounds 12] [--steps 300] [--out steps.json]

The same candidate, seed and steps, trained and watched as in a study: in a process without an
executor (bare), by the local executor and by Ray. They take turns, so that a noisy machine is
equally noisy for all; the figures are ratios of each turn to the bare one of the same round. About
8 minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.detectors.convergence_failure import ConvergenceFailure
from gansearch.builtin.detectors.divergence import Divergence
from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.candidate import Candidate
from gansearch.execution.executor import Executor, open_executor
from gansearch.execution.local import LocalExecutor, LocalResources
from gansearch.execution.trial_runner import TrialRunner
from gansearch.messages import AtRung, Decision, Ended, Job, Outcome, Progress
from gansearch.study.spec import ExecutorSpec, TrainingSpec
from gansearch.training.precision import keep_freed_memory

Turn = Callable[[Job], float]
"""Trains a job and returns the seconds per step, measured in the worker."""


def job(number: int, width: int, folder: Path) -> Job:
    """Return a job that trains a DCGAN of this width on Fashion-MNIST."""
    generator = DCGANGenerator(width=width, latent=64, levels=2)
    discriminator = DCGANDiscriminator(width=width, layers=2, norm="none")
    folder.mkdir(parents=True)
    candidate = Candidate(FashionMNIST(), generator, discriminator, BCE(), Alternating(), {})
    return Job(number, candidate, folder)


class SilentChannel:
    """A channel to nobody."""

    def progress(self, progress: Progress) -> None:
        """Ignore progress."""

    def at_rung(self, at_rung: AtRung) -> Decision:
        """Continue from every rung."""
        return Decision.CONTINUE

    def heartbeat(self) -> None:
        """Ignore heartbeats."""

    def waiting(self) -> None:
        """Ignore waiting."""

    def shared(self, agree: Callable[[Any], Any]) -> SilentChannel:
        """Return this channel, since there is one rank."""
        return self


def train_bare(evaluate: TrialRunner, one: Job) -> Outcome:
    """Train a job in this process, as a worker does."""
    torch.set_num_threads(1)
    keep_freed_memory()
    return evaluate(one, SilentChannel())


def bare(evaluate: TrialRunner) -> Turn:
    """Train each job in a new process without an executor."""

    def turn(one: Job) -> float:
        with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool:
            outcome = pool.submit(train_bare, evaluate, one).result()
        return outcome.seconds / outcome.steps

    return turn


def through(executor: Executor) -> Turn:
    """Train each job through an executor."""

    def turn(one: Job) -> float:
        executor.submit(one)
        while True:
            for event in executor.events(0.25):
                if isinstance(event, Ended):
                    assert isinstance(event.ending, Outcome), event.ending
                    return event.ending.seconds / event.ending.steps

    return turn


def measure(width: int, steps: int, rounds: int, signals_every: int) -> Mapping[str, object]:
    """Measure seconds per step and ratios to the bare training."""
    training = TrainingSpec(
        steps=steps, device="cpu", precision="fp32", signals_every=signals_every, sample_every=0
    )
    detectors = [Divergence(), ConvergenceFailure(), ModeCollapse()]
    evaluate = TrialRunner(training.model_copy(update={"eval_samples": 100}), detectors, {})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ray = stack.enter_context(
            open_executor(evaluate, ExecutorSpec(use="ray", workers=1), "cpu")
        )
        local = LocalExecutor(evaluate, LocalResources(candidates=1, threads=1, gpus=0))
        turns = {"bare": bare(evaluate), "local": through(local), "ray": through(ray)}
        seconds: dict[str, list[float]] = {name: [] for name in turns}
        numbers = count()
        for around in range(rounds):
            names = list(turns) if around % 2 == 0 else list(turns)[::-1]
            for name in names:
                number = next(numbers)
                seconds[name].append(turns[name](job(number, width, folder / str(number))))
    result: dict[str, object] = {"width": width, "signals_every": signals_every}
    for name, taken in seconds.items():
        ratios = [a / b for a, b in zip(taken, seconds["bare"], strict=True)]
        quartiles = statistics.quantiles(ratios, n=4)
        result[name] = {
            "ms_a_step": round(1e3 * statistics.median(taken), 3),
            "over_bare": round(statistics.median(ratios), 4),
            "quartiles": [round(quartiles[0], 4), round(quartiles[2], 4)],
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results = []
    for width, signals_every in ((4, 10), (16, 10)):
        results.append(measure(width, options.steps, options.rounds, signals_every))
        print(json.dumps(results[-1]), flush=True)
    report = {
        "rounds": options.rounds,
        "steps": options.steps,
        "load": round(os.getloadavg()[0], 1),
        "results": results,
    }
    if options.out:
        options.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
