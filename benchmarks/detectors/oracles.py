"""Judge generators of which the verdict is known, on every data set of pictures.py, without
training.

    python benchmarks/detectors/oracles.py [--out oracles.json] [NAME ...]

A perfect generator (real training pictures) must be healthy. One, five or ten pictures with noise
of 8 levels, noise and the mean picture must be condemned in a study of 1,500 steps, and must not be
healthy in one of 30.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pictures import PICTURES
from torch import Tensor

from gansearch.builtin.detectors.convergence_failure import ConvergenceFailure
from gansearch.builtin.detectors.divergence import Divergence
from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.components import Data
from gansearch.diagnosis.detection import RunWatch
from gansearch.evaluation.calibration import calibrate, trivial_samples
from gansearch.evaluation.probe import Probe
from gansearch.run_context import RunContext, SampleFigures
from gansearch.signals import FAILURES, Verdict
from gansearch.testing import DetectorContract

BALANCED = {
    name: value
    for name, value in DetectorContract.balanced.items()
    if name not in SampleFigures.model_fields
}
"""Signals of a healthy run but for the figures of its samples."""
SEED = 7
"""Seed of the generators' draws; those of the calibration are others."""


def generators(data: Data, count: int) -> Mapping[str, Tensor]:
    """Samples of a perfect generator and of those that must be condemned, by name."""
    draws = torch.Generator().manual_seed(SEED)
    train = torch.from_numpy(data.train.samples)
    order = torch.randperm(len(train), generator=draws)
    matched = train.float().mean() + train.float().std() * torch.randn(
        (count, *train.shape[1:]), generator=draws
    )
    return {
        "ideal": train[order[torch.arange(count) % len(train)]],
        **trivial_samples(train, draws, count),
        "gaussian noise": matched.round().clamp(0, 255).to(torch.uint8),
    }


def judged(figures: Mapping[str, float], context: RunContext) -> Verdict:
    """Watch a run whose losses are balanced and whose samples have these figures at every look."""
    watch = RunWatch([Divergence(), ConvergenceFailure(), ModeCollapse()], context)
    for step in range(1, (context.steps or 0) + 1):
        watch.observe(step, {**BALANCED, **(figures if watch.probe_due(step) else {})})
    return watch.conclude()


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=here / "oracles.json")
    parser.add_argument("names", nargs="*", default=list(PICTURES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    told: list[dict[str, Any]] = []
    for name in options.names:
        data = PICTURES[name]()
        began = time.monotonic()
        calibration = calibrate(data)
        seconds = round(time.monotonic() - began, 1)
        probe = Probe(data)
        for kind, samples in generators(data, probe.samples).items():
            figures = probe.figures(samples)
            verdicts = [judged(figures, RunContext(n, calibration)).status for n in (1500, 30)]
            sound = kind == "ideal"
            right = all((status == "healthy") == sound for status in verdicts)
            right = right and (sound or verdicts[0] in FAILURES)
            told.append(
                {"data": name, "generator": kind, "verdict": verdicts[0], "short": verdicts[1]}
                | {"right": right, "calibration_s": seconds}
                | {figure: round(value, 4) for figure, value in figures.items()}
            )
            print(
                f"{name:10} {kind:15} {verdicts[0]:14} {verdicts[1]:14} {'' if right else 'WRONG'}",
                {k: round(v, 3) for k, v in figures.items()},
                flush=True,
            )
        options.out.write_text(json.dumps(told, indent=1) + "\n")
    print(f"{sum(not row['right'] for row in told)} of {len(told)} wrong")


if __name__ == "__main__":
    main()
