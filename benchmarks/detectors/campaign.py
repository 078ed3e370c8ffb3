"""Train sound runs and runs that must fail, on several data sets with several losses; keep samples.

    python benchmarks/detectors/campaign.py [--out FOLDER] [--seeds 0 1] [--only TEXT]

Nothing is stopped early. Of every run the signals and 300 samples at each of `LOOKS` are kept, so
that detectors can be judged afterwards (judge_campaign.py), at full length or cut at any look. A
run that is there already is not trained again; several of these may work on one folder at a time.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pictures import SMALL
from record import ConstantLatent

from gansearch.builtin.discriminators.dense import DenseDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.losses.hinge import Hinge
from gansearch.builtin.losses.least_squares import LeastSquares
from gansearch.builtin.losses.wasserstein import WassersteinGP
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.builtin.schedules.n_critic import NCritic
from gansearch.candidate import Candidate
from gansearch.components import Data, Loss, Schedule
from gansearch.diagnosis.detection import RunWatch
from gansearch.evaluation.evidence import quantise
from gansearch.study.spec import TrainingSpec
from gansearch.training.loop import train
from gansearch.training.monitor import TrainingMonitor
from gansearch.training.precision import keep_freed_memory

STEPS = 1000
LOOKS = (133, 200, 267, 300, 333, 400, 450, 500, 600, 667, 750, 834, 900, 1000)
"""Steps after which samples are kept."""
SAMPLES = 300
LOSSES: dict[str, Loss] = {
    "bce": BCE(),
    "wasserstein": WassersteinGP(),
    "hinge": Hinge(),
    "least-squares": LeastSquares(),
}
KINDS = ("sound", "constant", "frozen", "init-1")
"""`small` is a sound generator of a few thousand parameters: recorded last."""


@dataclass(frozen=True)
class Run:
    """One run of the campaign."""

    data: str
    loss: str
    kind: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.data}_{self.loss}_{self.kind}_{self.seed}"


def runs(seeds: list[int]) -> Iterator[Run]:
    """Every run, in an order of which each beginning is balanced."""
    for kinds in (KINDS, ("small",)):
        for seed in seeds:
            for loss in LOSSES:
                for kind in kinds:
                    for data in SMALL:
                        yield Run(data, loss, kind, seed)


def candidate(run: Run) -> Candidate:
    """Return networks and schedule of a run: a small DCGAN against a dense discriminator."""
    fields: dict[str, Any] = {"width": 8, "latent": 16, "levels": 2}
    if run.kind == "small":
        fields |= {"width": 4, "latent": 8}
    if run.kind == "init-1":
        fields |= {"norm": "none", "init_std": 1.0}
    make = ConstantLatent if run.kind == "constant" else DCGANGenerator
    critic = run.loss == "wasserstein"
    rates = {"generator_lr": 1e-3 if critic else 2e-3, "discriminator_lr": 1e-3 if critic else 5e-4}
    if run.kind == "frozen":
        rates["generator_lr"] = 2e-7
    schedule: Schedule = Alternating(**rates)
    if critic:
        schedule = NCritic(n=2, generator_beta1=0.0, **rates)
    discriminator = DenseDiscriminator(width=256, layers=2)
    loss = LOSSES[run.loss]
    return Candidate(None, make(**fields), discriminator, loss, schedule, {})  # type: ignore[arg-type]


class Looks(RunWatch):
    """Asks for samples at `LOOKS` and condemns nothing."""

    def __init__(self) -> None:
        super().__init__(())

    def probe_due(self, step: int) -> bool:
        return step in LOOKS


class SamplesKept(TrainingMonitor):
    """Keeps the samples of every look as the metrics see them."""

    probe_samples = SAMPLES

    def __init__(self, data: Data) -> None:
        self.data = data
        self.kept: list[np.ndarray] = []

    def on_probe(self, samples: torch.Tensor) -> Mapping[str, float]:
        self.kept.append(quantise(samples, self.data).numpy())
        return {}


def record(run: Run, out: Path) -> None:
    """Train one run, and keep its signals and samples."""
    data = SMALL[run.data]()
    monitor = SamplesKept(data)
    spec = TrainingSpec(steps=STEPS, seed=run.seed, precision="fp32", device="cpu")
    steps = spec.in_steps(len(data.train.samples))
    trained = train(candidate(run), data, steps, Looks(), monitor)
    rows = pd.DataFrame(trained.rows, index=range(1, len(trained.rows) + 1))
    rows.to_parquet(out / f"{run.name}.parquet")
    np.savez_compressed(out / f"{run.name}.npz", *monitor.kept)
    facts = {**vars(run), "seconds": trained.seconds, "looks": LOOKS[: len(monitor.kept)]}
    (out / f"{run.name}.json").write_text(json.dumps(facts))
    print(f"{run.name:36} {trained.seconds:.0f} s", flush=True)


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=here / "campaign")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 2, 1, 3])
    parser.add_argument("--only", default="", help="train runs whose name holds this")
    options = parser.parse_args()
    options.out.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    keep_freed_memory()
    for run in runs(options.seeds):
        claim = options.out / f"{run.name}.claim"
        if options.only not in run.name or (options.out / f"{run.name}.json").exists():
            continue
        try:
            claim.touch(exist_ok=False)
        except FileExistsError:
            continue
        try:
            record(run, options.out)
        finally:
            claim.unlink()


if __name__ == "__main__":
    main()
