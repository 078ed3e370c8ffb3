"""Measure whether several processes train a candidate as one does, and at what cost.

    python benchmarks/data_parallel/measure.py [--steps 5] [--pace-steps 20] [--turns 2]

Equality is measured in float64, through the real training loop on Fashion-MNIST, so that the
differences left are rounding and not mistakes. It writes README.md and results.json and takes about
10 minutes on two busy cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import torch
from jobs import Compares, MeasuresPace

from gansearch.candidate import Candidate
from gansearch.execution.local import count_cores
from gansearch.execution.worker import is_ending, pickle_task, start_forkserver
from gansearch.execution.worker_group import WorkerGroup, WorkerLimits, receive_all
from gansearch.messages import Crash, Ending, Evaluate, Job
from gansearch.registry import Registry
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import TrainingSpec
from gansearch.study.yaml_file import StudyDocument

HERE = Path(__file__).parent
STUDY = """
name: data-parallel
dataset: {use: fashion-mnist}
generator: {use: upconv, width: 16, layers: 2, latent: 32, norm: none}
discriminator: {use: downconv, width: 16, norm: none}
loss: {use: bce}
schedule: {use: alternating}
training: {batch_size: 24, sample_every: 0, precision: fp32, device: cpu}
objectives: [{metric: generator_params, direction: minimize}]
"""
NETWORKS: Mapping[str, Sequence[str]] = {
    "no norm": [],
    "BatchNorm in both": ["generator.norm=batch", "discriminator.norm=batch"],
    "BatchNorm in both, real and generated as one batch": [
        "generator.norm=batch", "discriminator.norm=batch", "schedule.mixed_batches=true",
    ],
    "spectral norm": ["discriminator.spectral_norm=true"],
    "WGAN-GP": ["loss={use: wasserstein-gp}"],
    "WGAN-GP, BatchNorm in both": [
        "loss={use: wasserstein-gp}", "generator.norm=batch", "discriminator.norm=batch",
    ],
    "R1": ["loss.r1=1.0"],
    "packing of 2": ["discriminator.packing=2"],
    "packing of 4, in shares of unequal size": [
        "discriminator.packing=4", "training.batch_size=36",
    ],
    "feature matching": ["loss={use: feature-matching}"],
    "half batches": ["schedule.half_batches=true"],
}  # fmt: skip
RANKS = (2, 3)
PACE = (
    "training.batch_size=64",
    "generator.norm=batch",
    "generator.width=32",
    "discriminator.width=32",
)


def study(overrides: Sequence[str]) -> tuple[Candidate, TrainingSpec]:
    """Return the candidate of a network and its training."""
    spec = StudyDocument.parse(STUDY, "study", overrides).spec()
    return SearchSpace(spec, Registry()).baseline, spec.training


@contextmanager
def running(
    evaluate: Evaluate, candidate: Any, folder: Path, ranks: int, threads: int
) -> Iterator[WorkerGroup]:
    """Run a worker group on a candidate; end it at the exit."""
    group = WorkerGroup(
        pickle_task(evaluate, Job(0, candidate, folder)),
        WorkerLimits(threads, 600.0, ranks),
        "data-parallel",
    )
    try:
        yield group
    finally:
        group.end(0.0)


def ending(group: WorkerGroup) -> Ending:
    """Wait for the group's ending."""
    while True:
        for message in receive_all({0: group}, 1.0)[0]:
            if is_ending(message):
                return message


# --------------------------------------------------------------------------------------------------
# Equality


def equality(steps: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return the largest relative differences from one process, by network and ranks."""
    made = {
        name: study([f"training.steps={steps}", *overrides]) for name, overrides in NETWORKS.items()
    }
    candidates = {name: candidate for name, (candidate, _) in made.items()}
    compares = Compares({name: training for name, (_, training) in made.items()})
    found: dict[str, dict[str, dict[str, float]]] = {name: {} for name in NETWORKS}
    for ranks in RANKS:
        with running(compares, candidates, Path(), ranks, 1) as group:
            ended = ending(group)
        assert not isinstance(ended, Crash), ended.traceback or ended
        for name in NETWORKS:
            found[name][str(ranks)] = {
                kind: ended.metrics[f"{name}|{kind}"] for kind in ("gradients", "weights")
            }
    return found


# --------------------------------------------------------------------------------------------------
# Time


def paces(steps: int, turns: int) -> dict[str, dict[str, float]]:
    """Measure milliseconds a step and seconds to the first, of one process and two, in turns."""
    candidate, training = study([f"training.steps={steps}", *PACE])
    settings = {"1 x 1": (1, 1), "1 x 2": (1, 2), "2 x 1": (2, 1)}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in settings}
    for _ in range(turns):
        for name, (ranks, threads) in settings.items():
            times[name].append(pace(candidate, training, ranks, threads))
    return {
        name: {
            "ms_a_step": round(1e3 * statistics.median(step for step, _ in values), 2),
            "first_step_s": round(statistics.median(first for _, first in values), 3),
        }
        for name, values in times.items()
    }


def pace(
    candidate: Candidate, training: TrainingSpec, ranks: int, threads: int
) -> tuple[float, float]:
    """Measure seconds of a step, and from the start to the end of the first."""
    before, first = time.monotonic(), 0.0
    with (
        tempfile.TemporaryDirectory() as folder,
        running(MeasuresPace(training), candidate, Path(folder), ranks, threads) as group,
    ):
        while True:
            for message in receive_all({0: group}, 1.0)[0]:
                if not is_ending(message):
                    first = first or time.monotonic() - before
                    continue
                assert not isinstance(message, Crash), message
                return message.seconds, first


def freed_after(rank: int, turns: int) -> dict[str, object]:
    """Measure seconds from the SIGKILL of one of two ranks until both are gone."""
    candidate, training = study(["training.steps=100000", *PACE])
    measured = [_freed_once(candidate, training, rank) for _ in range(turns)]
    return {
        "s": round(statistics.median(seconds for seconds, _ in measured), 3),
        "told": measured[0][1],
    }


def _freed_once(candidate: Candidate, training: TrainingSpec, rank: int) -> tuple[float, str]:
    with (
        tempfile.TemporaryDirectory() as folder,
        running(MeasuresPace(training), candidate, Path(folder), 2, 1) as group,
    ):
        while not receive_all({0: group}, 1.0)[0]:
            pass
        workers = [psutil.Process(int((Path(folder) / str(rank)).read_text())) for rank in range(2)]
        before = time.monotonic()
        workers[rank].kill()
        ended = ending(group)
        assert isinstance(ended, Crash)
        assert not any(worker.is_running() for worker in workers)
        return time.monotonic() - before, f"{ended.kind}: {ended.message}"


# --------------------------------------------------------------------------------------------------
# The page


def page(found: dict[str, Any]) -> str:
    """Return the page with the figures."""
    rows = "\n".join(
        f"| {name} | "
        + " | ".join(
            f"{by_ranks[str(ranks)][kind]:.0e}"
            for kind in ("gradients", "weights")
            for ranks in RANKS
        )
        + " |"
        for name, by_ranks in found["equality"].items()
    )
    alone = found["pace"]["1 x 1"]["ms_a_step"]
    pace = "\n".join(
        f"| {name} | {one['ms_a_step']:.1f} | {alone / one['ms_a_step']:.2f} | "
        f"{one['first_step_s']:.2f} |"
        for name, one in found["pace"].items()
    )
    freed = "\n".join(
        f"| {rank} | {one['s']:.2f} | `{one['told']}` |" for rank, one in found["freed"].items()
    )
    return (HERE / "page.template.md").read_text().format(
        rows=rows, pace=pace, freed=freed, steps=found["steps"], **found["machine"]
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=5, help="after which the weights are compared")
    parser.add_argument("--pace-steps", type=int, default=20)
    parser.add_argument("--turns", type=int, default=2)
    given = parser.parse_args()
    start_forkserver(1)
    found: dict[str, Any] = {
        "machine": {
            "cores": count_cores(),
            "load": round(os.getloadavg()[0], 1),
            "torch": torch.__version__,
        },
        "steps": given.steps,
        "pace": paces(given.pace_steps, given.turns),
        "freed": {str(rank): freed_after(rank, given.turns) for rank in range(2)},
        "equality": equality(given.steps),
    }
    (HERE / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (HERE / "README.md").write_text(page(found))
    print(page(found))


if __name__ == "__main__":
    main()
