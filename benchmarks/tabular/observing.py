"""Observers of a recorded run: detector verdicts, metrics at rungs, and costs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from tables import Plan

from gansearch.builtin.metrics.distances import FID, MMD, SlicedWasserstein
from gansearch.builtin.metrics.diversity import BlurRatio, Duplicates
from gansearch.builtin.metrics.neighbours import Coverage, Precision, Recall
from gansearch.components import Data, Detector, SampleMetric
from gansearch.diagnosis.detection import RunWatch
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.evaluation.extractors import LoadedExtractor
from gansearch.run_context import RunContext
from gansearch.signals import HEALTHY, Row, Verdict
from gansearch.training.networks import GANNetworks

METRICS: Mapping[str, SampleMetric] = {
    "mmd": MMD(),
    "fid": FID(),
    "coverage": Coverage(),
    "precision": Precision(),
    "recall": Recall(),
    "duplicates": Duplicates(),
    "blur_ratio": BlurRatio(),
    "sliced_wasserstein": SlicedWasserstein(),
}
ACTIVITIES = ("training", "probes", "metrics")


class Meter:
    """Processor and wall-clock seconds, by activity."""

    def __init__(self) -> None:
        self._spent = {
            f"{kind}_{activity}": 0.0 for kind in ("cpu", "wall") for activity in ACTIVITIES
        }
        self._activity = "training"
        self._since = self._now()

    @staticmethod
    def _now() -> dict[str, float]:
        return {"cpu": time.process_time(), "wall": time.perf_counter()}

    def turn_to(self, activity: str) -> None:
        """Count the time from now on as this activity."""
        now = self._now()
        for kind, value in now.items():
            self._spent[f"{kind}_{self._activity}"] += value - self._since[kind]
        self._activity, self._since = activity, now

    def read(self) -> dict[str, float]:
        """Return all seconds up to now."""
        self.turn_to(self._activity)
        return dict(self._spent)


class Onlooker(RunWatch):
    """Watch that records the verdicts and stops no run, so that false alarms are known too."""

    def __init__(self, detectors: Sequence[Detector], context: RunContext, meter: Meter) -> None:
        super().__init__(detectors, context)
        self._meter = meter
        self.timeline: list[dict[str, Any]] = []

    def observe(self, step: int, row: Row) -> Verdict:
        # Even after a failure, since an ordinary watch observes nothing after one.
        self.verdict = HEALTHY
        verdict = super().observe(step, row)
        last = self.timeline[-1] if self.timeline else {"verdict": HEALTHY.status, "detector": None}
        if (verdict.status, verdict.detector) != (last["verdict"], last["detector"]):
            self.timeline.append(
                {
                    "step": step,
                    "verdict": verdict.status,
                    "detector": verdict.detector,
                    "since": verdict.step,
                }
                | {"rule": verdict.evidence.get("rule")}
            )
        return HEALTHY

    def probe_due(self, step: int) -> bool:
        due = super().probe_due(step)
        if due:
            self._meter.turn_to("probes")
        return due

    @property
    def condemned(self) -> int | None:
        """Step at which the run would have been stopped; None if it would not."""
        failures = (change["step"] for change in self.timeline if Verdict(change["verdict"]).failed)
        return next(failures, None)

    def columns(self) -> dict[str, Any]:
        """Return the verdicts of a concluded run, as columns of the table."""
        return {
            "timeline": self.timeline,
            "condemned": self.condemned,
            "verdict_at_end": self.verdict.status,
        }


class Rungs:
    """Measurements of the samples at every rung, without use of the training's random numbers."""

    def __init__(
        self, plan: Plan, data: Data, extractor: LoadedExtractor, count: int, meter: Meter
    ) -> None:
        self._rungs, self._data, self._extractor = frozenset(plan.rungs), data, extractor
        self._count, self._meter = count, meter
        self._metrics = {name: METRICS[name] for name in plan.metrics}
        self.measured: list[dict[str, float]] = []

    def before(self, step: int, networks: GANNetworks) -> None:
        """Measure if the step before is a rung."""
        self.after(step - 1, networks)

    def after(self, step: int, networks: GANNetworks) -> None:
        """Measure if this step is a rung."""
        if step not in self._rungs:
            return
        self._meter.turn_to("metrics")
        with torch.random.fork_rng(devices=[]):
            samples = networks.sample(networks.draw_latents(self._count))
        evidence = TrainedEvidence(self._data, samples, self._extractor)
        figures = {name: metric.measure(evidence) for name, metric in self._metrics.items()}
        self._meter.turn_to("training")
        self.measured.append({"rung": step} | figures | self._meter.read())
