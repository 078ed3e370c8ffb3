"""Train sound runs and runs that must fail, on several data sets with several losses; keep samples.

    python benchmarks/detectors/campaign.py [--out FOLDER] [--seeds 0 1] [--only TEXT]

Nothing is stopped early. Of every run the signals and 1,000 samples at each of `LOOKS` are kept, so
that detectors can be judged afterwards (judge_campaign.py), at full length or cut at any look. A
run that is there already is not trained again; several of these may work on one folder at a time.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pictures import PICTURES

from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.losses.hinge import Hinge
from gansearch.builtin.losses.least_squares import LeastSquares
from gansearch.builtin.losses.wasserstein import WassersteinGP
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.builtin.schedules.n_critic import NCritic
from gansearch.candidate import Candidate
from gansearch.components import Loss, Schedule
from gansearch.diagnosis.detection import RunWatch
from gansearch.evaluation.evidence import quantise
from gansearch.study.spec import TrainingSpec
from gansearch.training.loop import Hooks, train
from gansearch.training.precision import keep_freed_memory

STEPS = 1500
LOOKS = (30, 100, 200, 300, 400, 500, 600, 750, 900, 1000, 1100, 1250, 1400, 1500)
"""Steps after which samples are kept."""
SAMPLES = 1000
DATA = ("fashion", "glyphs", "shapes", "skies")
LOSSES: dict[str, Loss] = {
    "bce": BCE(),
    "wasserstein": WassersteinGP(),
    "hinge": Hinge(),
    "least-squares": LeastSquares(),
}
KINDS = ("sound", "small", "constant", "frozen", "init-1", "latent-1")


class ConstantLatent(DCGANGenerator):
    """A generator that is always given the same latent."""

    def draw_latents(self, count: int, device: torch.device | str) -> torch.Tensor:
        return torch.ones(count, self.latent, device=device)


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
    """Every run, the most telling ones first."""
    for seed in seeds:
        for kind in KINDS:
            for data in DATA:
                for loss in LOSSES:
                    if kind in ("small", "latent-1") and loss != "bce":
                        continue
                    yield Run(data, loss, kind, seed)


def candidate(run: Run) -> Candidate:
    """The networks and the schedule of a run."""
    fields: dict[str, Any] = {"width": 16, "latent": 32, "levels": 2}
    rates = 2e-7 if run.kind == "frozen" else 1e-3, 1e-3
    if run.kind == "small":
        fields |= {"width": 4, "latent": 16}
    if run.kind == "init-1":
        fields |= {"norm": "none", "init_std": 1.0}
    if run.kind == "latent-1":
        fields["latent"] = 1
    make = ConstantLatent if run.kind == "constant" else DCGANGenerator
    critic = run.loss == "wasserstein"
    schedule: Schedule = Alternating(generator_lr=rates[0], discriminator_lr=rates[1])
    if critic:
        schedule = NCritic(
            n=3, generator_lr=rates[0], discriminator_lr=rates[1], generator_beta1=0.0
        )
    discriminator = DCGANDiscriminator(width=16, layers=2, norm="none")
    loss = LOSSES[run.loss]
    return Candidate(None, make(**fields), discriminator, loss, schedule, {})  # type: ignore[arg-type]


class Looks(RunWatch):
    """Asks for samples at `LOOKS` and condemns nothing."""

    def __init__(self) -> None:
        super().__init__(())

    def probe_due(self, step: int) -> bool:
        return step in LOOKS


def record(run: Run, out: Path) -> None:
    """Train one run, and keep its signals and samples."""
    data = PICTURES[run.data]()
    kept: list[np.ndarray] = []

    def keep(samples: torch.Tensor) -> dict[str, float]:
        kept.append(quantise(samples, data).numpy())
        return {}

    spec = TrainingSpec(steps=STEPS, seed=run.seed, precision="fp32", device="cpu")
    hooks = Hooks(probe=keep, probe_samples=SAMPLES)
    trained = train(candidate(run), data, spec.in_steps(len(data.train.samples)), Looks(), hooks)
    rows = pd.DataFrame(trained.rows, index=range(1, len(trained.rows) + 1))
    rows.to_parquet(out / f"{run.name}.parquet")
    np.savez_compressed(out / f"{run.name}.npz", *kept)
    facts = {**vars(run), "seconds": trained.seconds, "looks": LOOKS[: len(kept)]}
    (out / f"{run.name}.json").write_text(json.dumps(facts))
    print(f"{run.name:36} {trained.seconds:.0f} s", flush=True)


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=here / "campaign")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
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
