"""Trial runner: loads the data, sets up the device, trains, evaluates and saves one candidate."""

from __future__ import annotations

import math
import resource
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from gansearch.builtin.metrics.diversity import BlurRatio
from gansearch.builtin.metrics.latency import LatencyOf1, LatencyOf64
from gansearch.candidate import Candidate
from gansearch.components import (
    Component,
    CostMetric,
    Data,
    Detector,
    Extractor,
    Metric,
    SampleMetric,
)
from gansearch.diagnosis.detection import RunWatch
from gansearch.diagnosis.remedies import remedies
from gansearch.evaluation.calibration import calibration_of
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.evaluation.extractors import extractor_for
from gansearch.evaluation.latency import REPEATS
from gansearch.evaluation.latency_names import latency_name
from gansearch.execution.gpu.admission import admit
from gansearch.execution.gpu.estimate import estimate_memory
from gansearch.execution.gpu.memory import memory_of
from gansearch.execution.measurement import (
    COST_INPUTS,
    cost_metrics,
    mean_signals,
    measure_costs,
    measure_metrics,
    sample_metrics,
)
from gansearch.execution.trial_monitor import TrialMonitor
from gansearch.messages import Channel, Decision, Job, Outcome
from gansearch.run_context import RunContext
from gansearch.signals import Remedy
from gansearch.storage.trial_folder import (
    DATA,
    DISCRIMINATOR,
    GENERATOR,
    VERDICT,
    TrialFolder,
)
from gansearch.storage.weights import save_weights
from gansearch.study.objective import Objective
from gansearch.study.spec import StepsSpec, TrainingSpec
from gansearch.study.teacher import Teacher
from gansearch.training import checkpoint
from gansearch.training.distillation import student
from gansearch.training.distributed import Ranks, process_group
from gansearch.training.loop import TrainedRun, train
from gansearch.training.precision import choose_device, choose_precision, give_back_freed_memory

ALWAYS_MEASURED: Mapping[str, SampleMetric] = {"blur_ratio": BlurRatio()}
"""Metrics of every trial that ends by itself, also of a failed one, in the study or not."""
ALWAYS_TIMED: Mapping[str, CostMetric] = {
    latency_name(1): LatencyOf1(),
    latency_name(64): LatencyOf64(),
}
"""Costs of every such trial."""


@dataclass(frozen=True)
class TrialRunner:
    """Implementation of `Evaluate` with the settings that all trials of a study share."""

    training: TrainingSpec
    detectors: Sequence[Detector]
    metrics: Mapping[str, Metric]
    compared: Sequence[str] = ()
    """Metrics that are measured at rungs, beside coverage."""
    rungs: Sequence[float] = ()
    """Rungs as shares of the training's steps."""
    extractor: Extractor | None = None
    """Extractor that samples are compared by; None for the one that is chosen for the data."""
    teacher: Teacher | None = None
    """Teacher that candidates learn from, by value, so that workers anywhere have it."""
    kept_by: Objective | None = None
    """Quality by which the generator of the best look is kept; required if the training says so."""

    @property
    def components(self) -> list[Component]:
        """Components that all trials share."""
        shared = [*self.detectors, *self.metrics.values()]
        return shared if self.extractor is None else [*shared, self.extractor]

    def __call__(self, job: Job, channel: Channel) -> Outcome:
        """Train and evaluate the job's candidate; only a healthy one is measured by all metrics.

        Every rank of the candidate calls this; the outcome of rank 0 counts.

        Raises:
            StoppedError: raised by the channel; a checkpoint has been written then.
        """
        # Load the data
        data = job.candidate.dataset.load()
        channel.heartbeat()
        training = self.training.in_steps(len(data.train.samples))
        if job.seed is not None:
            training = training.model_copy(update={"seed": job.seed})

        # Set up the device
        device = choose_device(training.device)
        memory = memory_of(device)
        stamp: dict[str, Any] = {}
        with ExitStack() as on_gpu:
            with process_group(job.rank, device) as ranks:
                if memory is not None:
                    precision = choose_precision(training.precision, device)
                    taught = self._student(job.candidate, data, torch.device("meta"))
                    estimate = estimate_memory(taught, data, training, precision)
                    if estimate is not None:
                        stamp["estimated_gpu_memory_bytes"] = estimate.total
                    with ranks.in_turn(memory.name, channel.waiting):
                        on_gpu.enter_context(
                            admit(memory, estimate, channel.waiting, alone=job.alone)
                        )

                # Train
                run = self._train(job, data, training, channel, ranks)
                give_back_freed_memory()
                samples: Tensor | None = None
                ended = run.decision is Decision.CONTINUE
                if ended:  # a run that ends at a rung was measured there
                    inputs = run.networks.evaluation_inputs(training.eval_samples, run.batches)
                    samples = run.networks.sample(inputs)

            outcome = Outcome(
                run.verdict,
                run.steps,
                run.seconds,
                tuple(run.rungs),
                decision=run.decision,
                kept_step=run.kept_step,
            )
            if ranks.rank > 0:
                return outcome

            # Save, before a metric can fail
            advice: Sequence[Remedy] = ()
            if ended:
                advice = remedies(run.verdict, run.rows, job.candidate, data)
            _save(run, advice, job, data)

            # Evaluate
            metrics: Mapping[str, float] = {}
            if samples is not None:
                metrics, protocol = self._measure(run, samples, data, channel)
                stamp |= protocol
            stamp |= _circumstances(run, data, self.extractor)
            if job.candidate.teacher is not None and self.teacher is not None:
                stamp["teacher"] = self.teacher.stamp
            if self.kept_by is not None and run.looks.costs:
                stamp["looks"] = _looks(run, self.kept_by)
            if memory is not None:
                stamp |= memory.usage()
            return replace(
                outcome,
                metrics=metrics,
                signals=mean_signals(run.rows[-100:]),
                remedies=advice,
                stamp=stamp,
            )

    def _train(
        self, job: Job, data: Data, training: StepsSpec, channel: Channel, ranks: Ranks
    ) -> TrainedRun:
        """Train a candidate under the study's detectors, compared at the study's rungs."""
        context = run_context(job.candidate, data, training, self.extractor)
        rungs: Sequence[int] = ()
        if self.compared:
            rungs = rung_steps(self.rungs, training.steps)
        metrics = {name: self.metrics[name] for name in self.compared}
        kept_by = None
        if self.kept_by is not None and training.keep == "best":
            quality = sample_metrics(self.metrics)[self.kept_by.metric]
            kept_by = self.kept_by, quality
        monitor = TrialMonitor(
            job, data, training, metrics, rungs, channel, self.extractor, kept_by
        )
        return train(
            self._student(job.candidate, data, choose_device(training.device)),
            data,
            training,
            RunWatch(self.detectors, context),
            monitor,
            folder=job.folder,
            resume_from=job.resume_from,
            ranks=ranks,
        )

    def _student(self, candidate: Candidate, data: Data, device: torch.device) -> Candidate:
        return student(candidate, self.teacher, data, self.extractor, device)

    def _measure(
        self, run: TrainedRun, samples: Tensor, data: Data, channel: Channel
    ) -> tuple[dict[str, float], dict[str, Any]]:
        """Return the metrics of a run's samples and the evaluation protocol."""
        extractor = extractor_for(data, self.extractor)
        evidence = TrainedEvidence(
            data, samples, extractor, reconstructed=run.networks.is_autoencoder
        )
        always = measure_metrics(ALWAYS_MEASURED, evidence, channel.heartbeat)
        inputs = run.networks.evaluation_inputs(COST_INPUTS, run.batches)
        costs = {**ALWAYS_TIMED, **cost_metrics(self.metrics)}
        generator = run.networks.evaluated_generator
        metrics = measure_costs(costs, generator, inputs, channel.heartbeat)
        metrics |= {name: value for name, value in always.items() if not math.isnan(value)}
        if not run.verdict.failed:
            wanted = sample_metrics(self.metrics)
            metrics |= measure_metrics(wanted, evidence, channel.heartbeat)
        stamp = {**evidence.protocol, "latency_repeats": REPEATS}
        if own := [name for name in costs if name not in ALWAYS_TIMED]:
            stamp["costs"] = own
        return metrics, stamp


def rung_steps(rungs: Iterable[float], steps: int) -> list[int]:
    """Return the steps of rungs given as shares of a training, without its first and last step.

    >>> rung_steps([0.25, 0.5, 1.0], 40)
    [10, 20]
    """
    return sorted({step for share in rungs if 1 < (step := round(share * steps)) < steps})


def _save(run: TrainedRun, advice: Sequence[Remedy], job: Job, data: Data) -> None:
    """Write signals, verdict and generator; the checkpoint stays if the run may be resumed."""
    folder = TrialFolder(job.folder)
    folder.write_signals(run.rows)
    folder.write_predictions(run.predictions)
    verdict = run.verdict.to_json() | {"remedies": [remedy.to_json() for remedy in advice]}
    folder.write_json(VERDICT, verdict)
    folder.write_json(DATA, data.format.to_json())
    save_weights(run.networks.evaluated_generator.state_dict(), job.folder / GENERATOR)
    if run.decision is Decision.CONTINUE and not run.verdict.failed:
        discriminator = run.networks.discriminator.network
        save_weights(discriminator.state_dict(), job.folder / DISCRIMINATOR)
    if run.decision is not Decision.PAUSE:
        (job.folder / checkpoint.NAME).unlink(missing_ok=True)


def _looks(run: TrainedRun, quality: Objective) -> dict[str, Any]:
    """Return the quality at each look, by step, for the stamp."""
    known = {step: value for step, value in run.looks.costs.items() if not math.isnan(value)}
    by_step = {f"step {step}": quality.cost(value) for step, value in known.items()}
    return {"metric": quality.metric, **by_step}


def run_context(
    candidate: Candidate,
    data: Data,
    training: StepsSpec,
    extractor: Extractor | None = None,
) -> RunContext:
    """Return the facts of a run that detectors use besides its signals."""
    logits = candidate.loss.logits(torch.zeros(1))
    loss = candidate.uses.get("loss")
    return RunContext(training.steps, calibration_of(data, extractor), loss, logits is not None)


def _circumstances(run: TrainedRun, data: Data, extractor: Extractor | None) -> dict[str, object]:
    """Return the data, hardware and software settings on which the figures depend."""
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    device = "cpu"
    if run.device.type == "cuda":
        device = torch.cuda.get_device_name(run.device)
    return {
        "dataset": {"source": data.source, "sha256": data.digest},
        "extractor": extractor_for(data, extractor).stamp,
        "calibration": calibration_of(data, extractor).model_dump(mode="json"),
        "device": device,
        "precision": run.precision,
        "graphs": run.graphs,
        "threads": torch.get_num_threads(),
        "workers": run.networks.ranks.size,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
    }
