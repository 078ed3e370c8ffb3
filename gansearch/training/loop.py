"""Training loop: train a candidate until it is done, condemned by a detector, paused or stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gansearch.candidate import Candidate
from gansearch.components import Data
from gansearch.diagnosis.detection import RunWatch
from gansearch.messages import Decision, StoppedError
from gansearch.signals import Row, Verdict
from gansearch.study.spec import StepsSpec
from gansearch.training import checkpoint
from gansearch.training.augmentation import augment
from gansearch.training.batches import BatchSampler
from gansearch.training.cuda_graphs import with_cuda_graphs
from gansearch.training.distributed import SINGLE, Ranks
from gansearch.training.looks import Looks
from gansearch.training.loss_inputs import StepContext
from gansearch.training.monitor import TrainingMonitor
from gansearch.training.networks import GANNetworks
from gansearch.training.precision import Precision, choose_device, choose_precision
from gansearch.training.recorder import Histogram, Recorder, mean_pair_distance
from gansearch.training.steps import EagerSteps, StepPlan, is_due
from gansearch.trial_record import Rung

SHOWN_SAMPLES = 64
"""Number of samples that are shown during training, always of the same inputs."""


@dataclass
class TrainedRun:
    """Result of a training."""

    networks: GANNetworks
    batches: BatchSampler
    verdict: Verdict
    steps: int
    seconds: float
    device: torch.device
    precision: Precision
    rungs: list[Rung] = field(default_factory=list)
    decision: Decision = Decision.CONTINUE
    """Decision at the last rung."""
    graphs: str = ""
    """Use of CUDA graphs: `used`, or `not used: ` and the reason."""
    rows: list[Row] = field(default_factory=list)
    predictions: list[Histogram] = field(default_factory=list)
    looks: Looks = field(default_factory=Looks)
    """Quality at looks, where the study keeps the best generator."""
    kept_step: int | None = None
    """Step of the look that the generator was taken from; None for the last step's generator."""


def train(
    candidate: Candidate,
    data: Data,
    spec: StepsSpec,
    watch: RunWatch,
    monitor: TrainingMonitor | None = None,
    *,
    folder: Path | None = None,
    resume_from: Path | None = None,
    ranks: Ranks = SINGLE,
) -> TrainedRun:
    """Train a candidate until its steps are done, a detector condemns it, or it ends at a rung.

    Args:
        candidate: the candidate.
        data: its data set, loaded.
        spec: steps, seed, device and intervals.
        watch: the detectors.
        monitor: what is called during the training.
        folder: folder for checkpoints; without one none are written.
        resume_from: folder whose checkpoint is continued, if it has an undamaged one. On one
            thread the run then ends bit for bit as if it had never stopped.
        ranks: processes that train the candidate together, each of which calls this function. They
            arrive at the same rows, verdict and weights; rank 0 writes the checkpoints.

    Raises:
        StoppedError: raised by the monitor; a checkpoint has been written then.
    """
    started = time.monotonic()
    monitor = monitor or TrainingMonitor()
    torch.manual_seed(spec.seed)
    device = choose_device(spec.device)
    precision = choose_precision(spec.precision, device)

    # Networks, batches and reference values of the signals
    networks = GANNetworks(candidate, data.shape, device, precision, ranks, spec.memory_format)
    augment(networks.discriminator, spec.augment, data)
    batches = BatchSampler(data, device)
    phases = candidate.schedule.phases(steps_per_epoch=spec.steps_per_epoch(len(batches)))
    shown_inputs = networks.evaluation_inputs(SHOWN_SAMPLES, batches)
    real_distance = mean_pair_distance(batches.draw(min(len(batches), 512)))
    recorder = Recorder()
    context = StepContext(networks, batches, recorder, spec.batch_size, spec.steps)
    eager = EagerSteps(context, candidate.loss, real_distance)
    steps = with_cuda_graphs(eager, batches) if spec.graphs else eager
    run = TrainedRun(networks, batches, watch.verdict, 0, 0.0, device, precision)
    if resume_from is not None:
        _resume(run, watch, resume_from)

    for step in range(run.steps + 1, spec.steps + 1):
        # Compare at a rung: before the next step, so that a run interrupted there asks again
        if step - 1 in monitor.rungs:
            with _saved_when_stopped(run, folder, started):
                run.decision = _decision_at_rung(run, monitor)
            if run.decision is not Decision.CONTINUE:
                if run.decision is Decision.PAUSE:
                    _save(run, folder, started)
                break

        # Train
        networks.decay_learning_rates(step, spec.steps)
        monitor.before_step(step, networks)
        plan = StepPlan.at(step, phases, spec.signals_every)
        recorder.keep(step, steps.run(step, plan))

        # Read the signals where anything needs them
        probe = watch.probe_due(step)
        look = spec.keep == "best" and (probe or step == spec.steps)
        save = folder is not None and is_due(spec.checkpoint_every, step)
        show = is_due(spec.sample_every, step) and step < spec.steps
        read = is_due(spec.signals_every, step) or step in monitor.rungs or step == spec.steps
        if not (probe or save or show or read):
            continue
        rows = ranks.broadcast(recorder.read())
        if probe or look:
            _, samples = _evaluation_samples(run, monitor.probe_samples)
        if probe:
            rows[-1].update(ranks.on_rank_zero(monitor.on_probe, samples))

        # Judge
        for row in rows:
            run.steps += 1
            run.verdict = watch.observe(run.steps, row)
        run.rows += rows
        run.predictions += recorder.read_predictions()
        if run.verdict.failed:
            break

        # Keep the best
        if look:
            cost = ranks.on_rank_zero(monitor.measure_look, samples)
            run.looks.add(step, cost, networks.evaluated_generator)

        # Save and report
        if show:
            ranks.on_rank_zero(monitor.on_samples, step, networks.sample(shown_inputs))
        if save:
            _save(run, folder, started)
        with _saved_when_stopped(run, folder, started):
            ranks.on_rank_zero(monitor.on_progress, step, rows, run.verdict)

    run.verdict, run.graphs = watch.conclude(), steps.graphs
    if run.decision is Decision.CONTINUE and not run.verdict.failed:
        _restore_best(run)
    ranks.on_rank_zero(monitor.on_samples, run.steps, networks.sample(shown_inputs))
    run.seconds += time.monotonic() - started
    return run


def _restore_best(run: TrainedRun) -> None:
    """Give the evaluated generator the weights of the best look, if there was one."""
    if run.looks.best is not None:
        run.networks.evaluated_generator.load_state_dict(run.looks.weights)
        run.kept_step = run.looks.best


def _decision_at_rung(run: TrainedRun, monitor: TrainingMonitor) -> Decision:
    """Measure the run at its rung, unless it was interrupted there before, and ask the monitor."""
    ranks = run.networks.ranks
    if not run.rungs or run.rungs[-1].step != run.steps:
        generator = run.networks.evaluated_generator
        inputs, samples = _evaluation_samples(run, monitor.rung_samples)
        metrics = ranks.on_rank_zero(monitor.measure_rung, samples, inputs, generator)
        run.rungs.append(Rung(run.steps, metrics))
    return ranks.on_rank_zero(monitor.on_rung, tuple(run.rungs))


def _evaluation_samples(run: TrainedRun, count: int) -> tuple[Tensor, Tensor]:
    """Return inputs, and samples of them, without changing the training's random numbers."""
    with torch.random.fork_rng([run.device] if run.device.type == "cuda" else []):
        inputs = run.networks.evaluation_inputs(count, run.batches)
        return inputs, run.networks.sample(inputs)


@contextmanager
def _saved_when_stopped(run: TrainedRun, folder: Path | None, started: float) -> Iterator[None]:
    try:
        yield
    except StoppedError:
        _save(run, folder, started)
        raise


def _save(run: TrainedRun, folder: Path | None, started: float) -> None:
    """Write a checkpoint with all state that the rest of the run depends on."""
    if folder is None:
        return
    device = run.device
    state: dict[str, Any] = {
        "step": run.steps,
        "seconds": run.seconds + time.monotonic() - started,
        "networks": run.networks.state_dict(),
        "batches": run.batches.state_dict(),
        "rungs": [(rung.step, dict(rung.metrics)) for rung in run.rungs],
        "rows": [dict(row) for row in run.rows],
        "predictions": [tuple(histogram) for histogram in run.predictions],
        "looks": run.looks.state_dict(),
        "rng": torch.get_rng_state(),
        "device_rng": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }
    run.networks.ranks.on_rank_zero(checkpoint.save, state, folder)


def _resume(run: TrainedRun, watch: RunWatch, folder: Path) -> None:
    """Continue from a checkpoint; the detectors observe its signals again."""
    state = checkpoint.load(folder)
    if state is None:
        return
    run.steps, run.seconds, run.rows = state["step"], state["seconds"], state["rows"]
    run.rungs = [Rung(*rung) for rung in state["rungs"]]
    run.predictions = [Histogram(*histogram) for histogram in state["predictions"]]
    run.looks = Looks.of_state(state["looks"])
    run.networks.load_state_dict(state["networks"])
    run.batches.load_state_dict(state["batches"])
    for step, row in enumerate(run.rows, start=1):
        run.verdict = watch.observe(step, row)
    torch.set_rng_state(state["rng"])
    if state["device_rng"] is not None:
        torch.cuda.set_rng_state(state["device_rng"], run.device)
