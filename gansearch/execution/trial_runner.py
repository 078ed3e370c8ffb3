"""Train and judge one candidate: what a worker does with a job, from data to figures.

Where several workers train it together each of them calls this, and only the first has anything to tell.
"""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from gansearch.builtin.metrics.diversity import BlurRatio
from gansearch.components import Data, Detector, Metric, SampleMetric
from gansearch.diagnosis.detection import RunWatch
from gansearch.diagnosis.remedies import remedies
from gansearch.evaluation.calibration import calibration_of
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.evaluation.extractors import extractor_for
from gansearch.evaluation.latency import BATCHES, REPEATS, latency_name, median_latency
from gansearch.evaluation.probe import Probe
from gansearch.execution.channel import SharedChannel
from gansearch.execution.gpu.admission import admitted
from gansearch.execution.gpu.estimate import footprint
from gansearch.execution.gpu.memory import memory_of
from gansearch.messages import AtRung, Channel, Job, Outcome, Progress
from gansearch.run_context import RunContext
from gansearch.signals import Remedy, Row, Verdict
from gansearch.storage.run_folder import GENERATOR, VERDICT, TrialFolder
from gansearch.storage.sample_images import save_samples
from gansearch.study.spec import StepsSpec, TrainingSpec
from gansearch.training import checkpoint
from gansearch.training.distributed import Ranks, joined
from gansearch.training.loop import Hooks, TrainedRun, train
from gansearch.training.precision import choose_device, choose_precision, give_back_freed_memory

ALWAYS: Mapping[str, SampleMetric] = {"blur_ratio": BlurRatio()}
"""What is measured of every trial that ends by itself, condemned ones included, whether or not the study asks."""


@dataclass(frozen=True)
class TrialRunner:
    """An `Evaluate`: what all trials of a study have in common."""

    training: TrainingSpec
    detectors: Sequence[Detector]
    metrics: Mapping[str, Metric]
    compared: Sequence[str] = ()
    """Metrics that are measured at the rungs, and with them the coverage."""
    rungs: Sequence[float] = ()
    """Shares of the training after which they are."""

    def __call__(self, job: Job, line: Channel) -> Outcome:
        """Train the job's candidate and measure it; the study's own metrics only where it came through.

        Raises:
            StoppedError: from `line`, with a checkpoint written.
        """
        data = job.candidate.dataset.load()
        line.at_work()
        device, training = choose_device(self.training.device), self._training_of(job, data)
        with ExitStack() as on_device:
            with joined(job.seat, device) as ranks:
                figures = _enter(on_device, device, job, data, training, line, ranks)
                run = self._train(job, data, training, SharedChannel(line, ranks), ranks)
                give_back_freed_memory()
                # One that was given up at a rung has been measured there, and it may go on yet.
                samples = None if run.outdone else self._samples(run)
            outcome = Outcome(run.verdict, run.steps, run.seconds, tuple(run.rungs))
            if ranks.leads:
                outcome = self._judge(outcome, run, samples, job, data, line)
            return replace(outcome, stamp={**outcome.stamp, **figures()})

    def _training_of(self, job: Job, data: Data) -> StepsSpec:
        training = self.training.in_steps(len(data.train.samples))
        return training if job.seed is None else training.model_copy(update={"seed": job.seed})

    def _train(
        self, job: Job, data: Data, training: StepsSpec, line: Channel, ranks: Ranks
    ) -> TrainedRun:
        return train(
            job.candidate,
            data,
            training,
            RunWatch(self.detectors, _context_of(job, data, training)),
            self._hooks(job, data, training.steps, line, ranks),
            folder=job.folder,
            resume_from=job.resume_from,
            ranks=ranks,
        )

    def _samples(self, run: TrainedRun) -> Tensor:
        """What the metrics judge, made by all ranks together."""
        return run.players.sample(run.players.test_inputs(self.training.eval_samples, run.feed))

    def _judge(
        self,
        outcome: Outcome,
        run: TrainedRun,
        samples: Tensor | None,
        job: Job,
        data: Data,
        line: Channel,
    ) -> Outcome:
        """Keep what a run leaves behind, and complete its outcome with what its samples are worth, where it has any."""
        advice = () if run.outdone else remedies(run.verdict, run.rows, job.candidate, data)
        self._keep(run, advice, job.folder)
        metrics, stamp = ({}, {}) if samples is None else self._measure(run, samples, data, line)
        return replace(
            outcome,
            metrics=metrics,
            signals=_means(run.rows[-100:]),
            remedies=advice,
            stamp=stamp | _circumstances(run, data),
        )

    def _keep(self, run: TrainedRun, advice: Sequence[Remedy], path: Path) -> None:
        folder = TrialFolder(path)
        folder.write_signals(run.rows)
        folder.write_predictions(run.predictions)
        folder.write_json(
            VERDICT, run.verdict.to_json() | {"remedies": [remedy.to_json() for remedy in advice]}
        )
        checkpoint.save(run.players.judged.state_dict(), path, GENERATOR)
        if not run.outdone:  # or else the search may take it up again
            (path / checkpoint.NAME).unlink(missing_ok=True)

    def _hooks(self, job: Job, data: Data, steps: int, line: Channel, ranks: Ranks) -> Hooks:
        """What the first rank does, and all hear of."""
        folder, probe = TrialFolder(job.folder), Probe(data)
        pace = _Pace()

        def progress(step: int, row: Row, verdict: Verdict) -> None:
            line.progress(Progress(job.trial, step, steps, pace.of(step), dict(row), verdict))

        reconstructs = job.candidate.generator.feeds_on == "samples"

        def sampled(step: int, samples: Tensor) -> None:
            save_samples(samples, data, folder.sample_path(step), reconstructed=reconstructs)

        def measure(samples: Tensor) -> dict[str, float]:
            evidence = TrainedEvidence(
                data, samples, extractor_for(data), reconstructed=reconstructs
            )
            foretelling = {
                "coverage": probe.coverage(evidence.fake_features)
            }  # health: see search/forecast.py
            return foretelling | _measured(self._sample_metrics(self.compared), evidence, line)

        return Hooks(
            progress,
            ranks.once(probe),
            probe.samples,
            ranks.once(sampled),
            frozenset(steps_of(self.rungs, steps)) if self.compared else frozenset(),
            ranks.once(measure),
            self.training.eval_samples,
            lambda rungs: line.at_rung(AtRung(job.trial, rungs)),
        )

    def _sample_metrics(self, names: Iterable[str]) -> dict[str, SampleMetric]:
        return {
            name: metric for name in names if isinstance(metric := self.metrics[name], SampleMetric)
        }

    def _measure(
        self, run: TrainedRun, samples: Tensor, data: Data, line: Channel
    ) -> tuple[dict[str, float], dict[str, object]]:
        evidence = TrainedEvidence(
            data, samples, extractor_for(data), reconstructed=run.players.feed_on_samples
        )
        figures = _latencies(run) | _known(_measured(ALWAYS, evidence, line))
        if not run.verdict.failed:
            figures |= _measured(self._sample_metrics(self.metrics), evidence, line)
        return figures, dict(evidence.protocol) | {"latency_repeats": REPEATS}


def _enter(
    place: ExitStack,
    device: torch.device,
    job: Job,
    data: Data,
    training: StepsSpec,
    line: Channel,
    ranks: Ranks,
) -> Callable[[], Mapping[str, int]]:
    """Enter a place on the device, with the memory that the training takes; gives what tells of it afterwards."""
    memory = memory_of(device)
    if memory is None:
        return dict
    counted = footprint(job.candidate, data, training, choose_precision(training.precision, device))
    with ranks.in_turn(memory.name, line.waiting):
        place.enter_context(admitted(memory, counted, line.waiting, alone=job.alone))
    count = {} if counted is None else {"counted_gpu_memory_bytes": counted.total}
    return lambda: {**memory.taken(), **count}


def steps_of(rungs: Iterable[float], steps: int) -> list[int]:
    """The steps of these shares of a training, none of them its first or its last."""
    return sorted({step for share in rungs if 1 < (step := round(share * steps)) < steps})


def _context_of(job: Job, data: Data, training: StepsSpec) -> RunContext:
    """Collect what the detectors go by besides the signals."""
    logits = job.candidate.loss.logits(torch.zeros(1))
    return RunContext(
        training.steps, calibration_of(data), job.candidate.uses.get("loss"), logits is not None
    )


class _Pace:
    """Steps a second since the last time that it was asked."""

    def __init__(self) -> None:
        self._step, self._time = 0, time.monotonic()

    def of(self, step: int) -> float:
        now = time.monotonic()
        pace = (step - self._step) / max(now - self._time, 1e-9)
        self._step, self._time = step, now
        return pace


def _latencies(run: TrainedRun) -> dict[str, float]:
    """Milliseconds in which the judged generator makes a batch, by name."""
    inputs = run.players.test_inputs(max(BATCHES), run.feed)
    batches = {
        n: inputs[torch.arange(n) % len(inputs)] for n in BATCHES
    }  # of test samples there may be too few
    return {
        latency_name(n): median_latency(run.players.judged, batch) for n, batch in batches.items()
    }


def _measured(
    metrics: Mapping[str, SampleMetric], evidence: TrainedEvidence, line: Channel
) -> dict[str, float]:
    """What each metric says, with a word to the driver before each."""
    figures = {}
    for name, metric in metrics.items():
        line.at_work()
        figures[name] = metric.measure(evidence)
    return figures


def _known(figures: Mapping[str, float]) -> dict[str, float]:
    """Those that have a meaning for these data."""
    return {name: value for name, value in figures.items() if not math.isnan(value)}


def _means(rows: Sequence[Row]) -> dict[str, float]:
    """The mean of each signal over the rows that have it."""
    columns = dict.fromkeys(name for row in rows for name in row)
    values = {name: [row[name] for row in rows if name in row] for name in columns}
    return {name: sum(column) / len(column) for name, column in values.items()}


def _circumstances(run: TrainedRun, data: Data) -> dict[str, object]:
    """What else the figures depend on."""
    # Kilobytes on Linux, bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
    device = torch.cuda.get_device_name(run.device) if run.device.type == "cuda" else "cpu"
    return {
        "dataset": {"source": data.source, "sha256": data.digest},
        "calibration": calibration_of(data).model_dump(mode="json"),
        "device": device,
        "precision": run.precision,
        "graphs": run.graphs,
        "threads": torch.get_num_threads(),
        "workers": run.players.ranks.size,
        "peak_memory_bytes": peak,
    }
