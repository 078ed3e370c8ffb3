"""Training monitor of a trial: reports to the driver, probes, saves samples, measures at rungs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn

from gansearch.components import Data, Extractor, Metric, SampleMetric
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.evaluation.extractors import detectors_extractor_for, extractor_for
from gansearch.evaluation.probe import Probe
from gansearch.execution.measurement import (
    cost_metrics,
    measure_costs,
    measure_metrics,
    sample_metrics,
)
from gansearch.messages import AtRung, Channel, Decision, Job, Progress
from gansearch.signals import Row, Verdict
from gansearch.storage.sample_images import save_samples
from gansearch.storage.trial_folder import TrialFolder
from gansearch.study.objective import Objective
from gansearch.study.spec import StepsSpec
from gansearch.training.monitor import TrainingMonitor
from gansearch.training.networks import GANNetworks
from gansearch.trial_record import Rung


class TrialMonitor(TrainingMonitor):
    """Monitor of one trial."""

    def __init__(
        self,
        job: Job,
        data: Data,
        training: StepsSpec,
        metrics: Mapping[str, Metric],
        rungs: Iterable[int],
        channel: Channel,
        extractor: Extractor | None = None,
        kept_by: tuple[Objective, SampleMetric] | None = None,
    ) -> None:
        """Create the monitor.

        Args:
            job: the trial.
            data: its data set, loaded.
            training: its training in steps.
            metrics: the metrics and costs to measure at rungs, beside coverage.
            rungs: the steps after which it is compared with other trials.
            channel: the channel to the driver.
            extractor: the study's extractor; None for the one that is chosen for the data.
            kept_by: the quality to measure at looks, where the best generator is kept.
        """
        self.rungs, self.rung_samples = frozenset(rungs), training.eval_samples
        self._probe = Probe(data, detectors_extractor_for(data, extractor))
        self._extractor = extractor_for(data, extractor)
        self.probe_samples = self._probe.samples
        self._job, self._data, self._steps = job, data, training.steps
        self._metrics, self._costs = sample_metrics(metrics), cost_metrics(metrics)
        self._channel, self._kept_by = channel, kept_by
        self._reconstructed = job.candidate.generator.feeds_on == "samples"
        self._last_report: tuple[int, float] | None = None

    def before_step(self, step: int, networks: GANNetworks) -> None:
        if self._last_report is None:
            self._last_report = step - 1, time.monotonic()

    def on_probe(self, samples: Tensor) -> Mapping[str, float]:
        return self._probe(samples)

    def measure_look(self, samples: Tensor) -> float:
        assert self._kept_by is not None, "a training that keeps the best has a quality"
        objective, metric = self._kept_by
        measured = measure_metrics(
            {objective.metric: metric}, self._evidence(samples), self._channel.heartbeat
        )
        return objective.cost(measured[objective.metric])

    def on_samples(self, step: int, samples: Tensor) -> None:
        path = TrialFolder(self._job.folder).sample_path(step)
        save_samples(samples, self._data, path, reconstructed=self._reconstructed)

    def on_progress(self, step: int, rows: Sequence[Row], verdict: Verdict) -> None:
        now = time.monotonic()
        last_step, last_time = self._last_report or (step, now)
        self._last_report = step, now
        pace = (step - last_step) / max(now - last_time, 1e-9)
        progress = Progress(
            self._job.trial, step, self._steps, pace, dict(rows[-1]), verdict, tuple(rows)
        )
        self._channel.progress(progress)

    def measure_rung(
        self, samples: Tensor, inputs: Tensor, generator: nn.Module
    ) -> Mapping[str, float]:
        evidence = self._evidence(samples)
        # Coverage predicts whether a run stays healthy.
        coverage = {"coverage": self._probe.coverage_of(evidence.fake)}
        costs = measure_costs(self._costs, generator, inputs, self._channel.heartbeat)
        metrics = measure_metrics(self._metrics, evidence, self._channel.heartbeat)
        return coverage | costs | metrics

    def _evidence(self, samples: Tensor) -> TrainedEvidence:
        return TrainedEvidence(
            self._data, samples, self._extractor, reconstructed=self._reconstructed
        )

    def on_rung(self, rungs: Sequence[Rung]) -> Decision:
        return self._channel.at_rung(AtRung(self._job.trial, rungs))
