"""Measure what judging costs beside a training: calibration, looks at samples, metrics at the end.

    python benchmarks/cost/measure.py [--only TEXT] [--out results.json] [--extractor NAME]

Settings are a study's defaults: 1,500 steps, batches of 64, looks of the usual detectors, 2,000
samples for the metrics. A step's time is the median over `STEPS` steps in which signals are read as
usual; the rest is measured whole. The calibration is measured once for a data set and kept in the
user's cache, so a search pays for it once: here one training bears it alone. All are seconds of the
processor on one thread, which other programs on the machine hardly change.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.metrics.distances import FID, MMD
from gansearch.builtin.metrics.diversity import BlurRatio
from gansearch.builtin.metrics.neighbours import Coverage
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.candidate import Candidate
from gansearch.components import Data, Extractor
from gansearch.diagnosis.detection import RunWatch
from gansearch.evaluation.calibration import calibrate
from gansearch.evaluation.counting import count_parameters
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.evaluation.extractors import detectors_extractor_for, extractor_for
from gansearch.evaluation.probe import Probe
from gansearch.registry import Registry
from gansearch.signals import Row, Verdict
from gansearch.study.spec import TrainingSpec
from gansearch.training.loop import TrainedRun, train
from gansearch.training.monitor import TrainingMonitor
from gansearch.training.precision import keep_freed_memory

sys.path.insert(0, str(Path(__file__).parents[1] / "detectors"))
from pictures import PICTURES

STEPS, WARM_UP = 40, 10
"""Steps that are trained, and those of them that are not counted."""
NETWORKS: Mapping[str, tuple[str, int, int]] = {
    "grey 28x28, small": ("fashion", 4, 2),
    "grey 28x28": ("fashion", 32, 2),
    "colour 64x64, small": ("faces-64", 4, 3),
    "colour 64x64": ("faces-64", 32, 4),
}
"""Data set, filters and levels of the generator, by name."""


class StepTimes(TrainingMonitor):
    """Notes the time of the processor when the signals of a step were read."""

    def __init__(self) -> None:
        self.read: list[tuple[int, float]] = []

    def on_progress(self, step: int, rows: Sequence[Row], verdict: Verdict) -> None:
        self.read.append((step, time.process_time()))

    def seconds_a_step(self) -> float:
        known = [(step, at) for step, at in self.read if step >= WARM_UP]
        return statistics.median((t2 - t1) / (s2 - s1) for (s1, t1), (s2, t2) in pairwise(known))


def timed(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def trained(data: Data, width: int, levels: int) -> tuple[TrainedRun, float]:
    """Train a few steps; the run and the seconds of a step."""
    generator = DCGANGenerator(width=width, levels=levels, latent=64)
    discriminator = DCGANDiscriminator(width=16, layers=levels, norm="none")
    parts = (generator, discriminator, BCE(), Alternating())
    spec = TrainingSpec(steps=STEPS, device="cpu")
    monitor = StepTimes()
    candidate = Candidate(None, *parts, {})  # type: ignore[arg-type]
    run = train(candidate, data, spec.in_steps(len(data.train.samples)), RunWatch(()), monitor)
    return run, monitor.seconds_a_step()


def costs(data: Data, width: int, levels: int, extractor: Extractor | None) -> dict[str, Any]:
    """Return the seconds of one training with the default settings, and of what judges it."""
    spec = TrainingSpec()
    steps = spec.in_steps(len(data.train.samples)).steps
    run, step = trained(data, width, levels)
    loaded = extractor_for(data, extractor)
    probe = Probe(data, detectors_extractor_for(data, extractor))
    probe.figures(torch.from_numpy(data.test.samples[:10]))  # the real side, once

    def samples(count: int) -> torch.Tensor:
        return run.networks.sample(run.networks.evaluation_inputs(count, run.batches))

    def measure() -> None:
        evidence = TrainedEvidence(data, samples(spec.eval_samples), loaded)
        for metric in (MMD(), FID(), Coverage(), BlurRatio()):
            metric.measure(evidence)

    looks = sum(ModeCollapse().probe_due(at, steps) for at in range(1, steps + 1))
    told = {
        "training": steps * step,
        "calibration": timed(lambda: calibrate(data, extractor)),
        "looks": looks * timed(lambda: probe(samples(probe.samples))),
        "metrics": timed(measure),
    }
    judging = told["calibration"] + told["looks"] + told["metrics"]
    return {
        "extractor": loaded.name,
        "generator_params": count_parameters(run.networks.evaluated_generator).total,
        **{f"{name}_s": round(seconds, 2) for name, seconds in told.items()},
        "looks": looks,
        "share": round(judging / told["training"], 4),
        "share_without_calibration": round((told["looks"] + told["metrics"]) / told["training"], 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results.json")
    parser.add_argument("--only", default="", help="measure the rows whose name holds this")
    parser.add_argument(
        "--extractor", help="the study's extractor; by default the one that is chosen"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    chosen: Any = None
    if options.extractor:
        chosen = Registry().load("extractor", options.extractor)()
    told = json.loads(options.out.read_text()) if options.out.is_file() else {}
    for name, (pictures, width, levels) in NETWORKS.items():
        if options.only not in name:
            continue
        data = PICTURES[pictures]()
        row = costs(data, width, levels, chosen)
        told[f"{name}, {row['extractor']}"] = row
        print(name, row, flush=True)
        options.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
