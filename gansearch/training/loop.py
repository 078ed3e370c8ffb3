"""The training loop: a candidate, data and a watch in; a trained generator and a verdict out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gansearch.candidate import Candidate
from gansearch.components import Data
from gansearch.diagnosis.detection import RunWatch
from gansearch.messages import StoppedError
from gansearch.signals import Row, Verdict
from gansearch.study.spec import StepsSpec
from gansearch.training import checkpoint
from gansearch.training.augmentation import augment
from gansearch.training.batches import BatchSampler
from gansearch.training.cuda_graphs import graphed
from gansearch.training.distributed import ALONE, Ranks
from gansearch.training.loss_inputs import Stage
from gansearch.training.networks import GANNetworks
from gansearch.training.precision import Precision, choose_device, choose_precision
from gansearch.training.recorder import Histogram, Recorder, mean_pair_distance
from gansearch.training.steps import Due, EagerSteps, every
from gansearch.trial_record import Rung

SHOWN = 64
"""Samples that are shown on the way, always of the same inputs."""


@dataclass
class Hooks:
    """What the loop tells the world; by default nobody listens."""

    progress: Callable[[int, Row, Verdict], None] = lambda step, row, verdict: None
    """Called with the last signals whenever they have been read."""
    probe: Callable[[Tensor], Mapping[str, float]] = lambda samples: {}
    """Measures samples (N, C, H, W) for the detectors, at the steps that they ask for."""
    probe_samples: int = 1000
    sampled: Callable[[int, Tensor], None] = lambda step, samples: None
    """Given samples of always the same inputs, at the steps that the study asks for."""
    rungs: frozenset[int] = frozenset()
    """Steps after which the samples are measured and compared with those of other runs."""
    measure: Callable[[Tensor], Mapping[str, float]] = lambda samples: {}
    """Measures samples (N, C, H, W) at a rung."""
    measured_samples: int = 2000
    at_rung: Callable[[Sequence[Rung]], bool] = lambda rungs: True
    """Told what they were worth at every rung so far; says whether the run may go on."""
    disturb: Callable[[int, GANNetworks], None] = lambda step, players: None
    """Called before each step; lets an experiment provoke what it wants to observe.

    With `training.graphs` it may change tensors in place, and what the optimizers are set to; nothing else.
    """


@dataclass
class TrainedRun:
    """What training leaves behind."""

    players: GANNetworks
    feed: BatchSampler
    verdict: Verdict
    steps: int
    seconds: float
    device: torch.device
    precision: Precision
    rungs: list[Rung] = field(default_factory=list)
    outdone: bool = False
    """Whether it was told to end at its last rung."""
    graphs: str = ""
    """Whether CUDA graphs took its steps, and why not."""
    rows: list[Row] = field(default_factory=list)
    predictions: list[Histogram] = field(default_factory=list)


def train(
    candidate: Candidate,
    data: Data,
    spec: StepsSpec,
    watch: RunWatch,
    hooks: Hooks | None = None,
    *,
    folder: Path | None = None,
    resume_from: Path | None = None,
    ranks: Ranks = ALONE,
) -> TrainedRun:
    """Train a candidate until its steps are done, the watch condemns it or it may not go on from a rung.

    Args:
        candidate: what to train.
        data: what on.
        spec: for how long, with which seed, on which device.
        watch: judges the signals as they come.
        hooks: what is told on the way.
        folder: where checkpoints go; without it none are kept.
        resume_from: a folder whose checkpoint, if it has a sound one, is taken up. On one thread the
            run then ends bit for bit as if it had never stopped.
        ranks: the processes that train it together, each of which calls this. They come to the same rows,
            verdict and weights; the hooks are called on all of them, checkpoints are written by the first.

    Raises:
        StoppedError: passed on from `hooks.progress` and `hooks.at_rung`, once a checkpoint is kept.
    """
    hooks = hooks or Hooks()
    started = time.monotonic()
    torch.manual_seed(spec.seed)
    device = choose_device(spec.device)
    precision = choose_precision(spec.precision, device)

    # The players, their data, and what they are held against
    players = GANNetworks(candidate, data.shape, device, precision, ranks, spec.memory_format)
    augment(players.discriminator, spec.augment, data)
    feed = BatchSampler(data, device)
    phases = candidate.schedule.phases(steps_per_epoch=spec.steps_per_epoch(len(feed)))
    shown_inputs = players.test_inputs(SHOWN, feed)
    real_distance = mean_pair_distance(feed.draw(min(len(feed), 512)))
    run = TrainedRun(players, feed, watch.verdict, 0, 0.0, device, precision)
    recorder = Recorder()
    stage = Stage(players, feed, recorder, spec.batch_size, spec.steps)
    eager = EagerSteps(stage, candidate.loss, real_distance)
    steps = graphed(eager, feed) if spec.graphs else eager
    if resume_from is not None:
        _take_up(run, watch, resume_from)

    for step in range(run.steps + 1, spec.steps + 1):
        # Compare; first of all, so that a run that was interrupted while it waited asks again
        if step - 1 in hooks.rungs:
            with _kept_when_stopped(run, folder, started):
                run.outdone = not _goes_on(run, hooks)
            if run.outdone:
                if folder is not None:
                    _keep(run, folder, started)
                break

        # Learn
        hooks.disturb(step, players)
        recorder.keep(step, steps.take(step, Due.at(step, phases, spec.signals_every)))

        # Look
        probes = watch.probe_due(step)
        keeps = folder is not None and every(spec.checkpoint_every, step)
        shows = every(spec.sample_every, step) and step < spec.steps
        compares = step in hooks.rungs
        if not (
            probes
            or keeps
            or shows
            or compares
            or every(spec.signals_every, step)
            or step == spec.steps
        ):
            continue
        rows = ranks.agreed(recorder.read())
        if probes:
            rows[-1].update(_probe(run, hooks))
        for row in rows:
            run.steps += 1
            run.verdict = watch.observe(run.steps, row)
        run.rows += rows
        run.predictions += recorder.read_predictions()
        if run.verdict.failed:
            break

        # Keep and tell
        if shows:
            hooks.sampled(step, players.sample(shown_inputs))
        if keeps and folder is not None:
            _keep(run, folder, started)
        with _kept_when_stopped(run, folder, started):
            hooks.progress(step, rows[-1], run.verdict)

    hooks.sampled(run.steps, players.sample(shown_inputs))
    run.verdict, run.graphs = watch.conclude(), steps.graphs
    run.seconds += time.monotonic() - started
    return run


def _probe(run: TrainedRun, hooks: Hooks) -> Mapping[str, float]:
    return hooks.probe(_test_samples(run, hooks.probe_samples))


def _goes_on(run: TrainedRun, hooks: Hooks) -> bool:
    """Whether the run may go on from the rung at which it is."""
    if (
        not run.rungs or run.rungs[-1].step != run.steps
    ):  # or else it was interrupted while it waited
        run.rungs.append(Rung(run.steps, hooks.measure(_test_samples(run, hooks.measured_samples))))
    return hooks.at_rung(tuple(run.rungs))


def _test_samples(run: TrainedRun, count: int) -> Tensor:
    """Samples made without touching the random numbers of the training: to watch changes nothing."""
    players, devices = run.players, [run.device] if run.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        return players.sample(players.test_inputs(count, run.feed))


@contextmanager
def _kept_when_stopped(run: TrainedRun, folder: Path | None, started: float) -> Iterator[None]:
    """Where the run is told to stop, keep it before."""
    try:
        yield
    except StoppedError:
        if folder is not None:
            _keep(run, folder, started)
        raise


def _keep(run: TrainedRun, folder: Path, started: float) -> None:
    """Save all that the rest of the run depends on."""
    device = run.device
    state: dict[str, Any] = {
        "step": run.steps,
        "seconds": run.seconds + time.monotonic() - started,
        "players": run.players.state_dict(),
        "feed": run.feed.state_dict(),
        "rungs": [(rung.step, dict(rung.metrics)) for rung in run.rungs],
        "rows": [dict(row) for row in run.rows],
        "predictions": [tuple(histogram) for histogram in run.predictions],
        "rng": torch.get_rng_state(),
        "device_rng": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }
    run.players.ranks.once(checkpoint.save)(state, folder)


def _take_up(run: TrainedRun, watch: RunWatch, folder: Path) -> None:
    """Put a run where its checkpoint left it; the watch sees again what it has seen."""
    state = checkpoint.load(folder)
    if state is None:
        return
    run.steps, run.seconds, run.rows = state["step"], state["seconds"], state["rows"]
    run.rungs = [Rung(*rung) for rung in state["rungs"]]
    run.predictions = [Histogram(*histogram) for histogram in state["predictions"]]
    run.players.load_state_dict(state["players"])
    run.feed.load_state_dict(state["feed"])
    for step, row in enumerate(run.rows, start=1):
        run.verdict = watch.observe(step, row)
    torch.set_rng_state(state["rng"])
    if state["device_rng"] is not None:
        torch.cuda.set_rng_state(state["device_rng"], run.device)
