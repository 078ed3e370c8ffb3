"""Train the GANs of PacGAN's Table 1 by its recipe, and count the modes they find on the way.

    python benchmarks/modes/record.py [--steps 8000] [--seeds 0 1 2 ...] [--packings 1 2]
                                      [--datasets ring grid] [--recipe published]
                                      [--simultaneous] [--workers 2] [--out FOLDER]

Modes and high-quality samples are counted in 2,500 samples after every 1,000 steps. An interrupted
run continues from its checkpoint, and so does one that is given more steps. On one core of the
README's machine a thousand steps of the published recipe take about 16 seconds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from gansearch.builtin.datasets.points import Grid2D, Ring2D
from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.builtin.discriminators.dense import DenseDiscriminator
from gansearch.builtin.generators.dense import DenseGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.metrics.modes import membership
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.candidate import Candidate
from gansearch.components import Data, Watch
from gansearch.diagnosis.detection import RunWatch
from gansearch.run_context import RunContext
from gansearch.study.spec import StepsSpec
from gansearch.training.loop import train
from gansearch.training.monitor import TrainingMonitor
from gansearch.training.networks import GANNetworks
from gansearch.training.precision import keep_freed_memory

PACKS = 100
"""Packs in a batch, so that a packing of m trains on 100 m samples a step."""
PROBED = 2500
PROBE_EVERY = 1000
DATASETS: Mapping[str, type[Ring2D | Grid2D]] = {"ring": Ring2D, "grid": Grid2D}


@dataclass(frozen=True)
class Recipe:
    """Networks and schedule, the same for every packing."""

    generator: DenseGenerator
    discriminator: DenseDiscriminator
    schedule: Alternating


RECIPES = {
    # PacGAN's published code.
    "published": Recipe(
        DenseGenerator(
            latent=2,
            width=400,
            growth=1.0,
            layers=4,
            norm_momentum=0.05,
            norm_epsilon=1e-4,
            output="none",
        ),
        DenseDiscriminator(width=200, growth=1.0, layers=3, maxout=5),
        Alternating(
            generator_lr=1e-4, discriminator_lr=1e-4, generator_beta1=0.8, discriminator_beta1=0.8
        ),
    ),
    # Small networks whose generator learns ten times as fast as its discriminator and loses modes.
    "hasty": Recipe(
        DenseGenerator(
            latent=8, width=128, growth=1.0, layers=2, norm="none", init="xavier", output="none"
        ),
        DenseDiscriminator(width=128, growth=1.0, layers=2, init="xavier"),
        Alternating(generator_lr=1e-2, discriminator_lr=1e-3),
    ),
}


@dataclass(frozen=True)
class Run:
    """One run of the benchmark."""

    recipe: str
    dataset: str
    packing: int
    seed: int
    simultaneous: bool = False
    """True to compute both gradients before either optimizer step, as in PacGAN's code."""

    @property
    def name(self) -> str:
        order = "-simultaneous" if self.simultaneous else ""
        return f"{self.recipe}{order}-{self.dataset}-pack{self.packing}-seed{self.seed}"

    @property
    def candidate(self) -> Candidate:
        recipe = RECIPES[self.recipe]
        discriminator = recipe.discriminator.model_copy(update={"packing": self.packing})
        dataset = DATASETS[self.dataset](seed=self.seed)
        return Candidate(dataset, recipe.generator, discriminator, BCE(), recipe.schedule, {})


class Probing(ModeCollapse):
    """Detector that requests probes at intervals and never condemns."""

    def probe_due(self, step: int, steps: int | None) -> bool:
        return step % PROBE_EVERY == 0

    def watch(self, context: RunContext | None = None) -> Watch:
        return _Silent()


class _Silent:
    def observe(self, step: int, row: object) -> None:
        return None

    def conclude(self) -> None:
        return None


class Counting(TrainingMonitor):
    """Count modes found and the percentage of samples within three deviations of one."""

    probe_samples = PROBED

    def __init__(self, data: Data, *, simultaneous: bool) -> None:
        self._data, self._simultaneous = data, simultaneous
        self._first = True

    def on_probe(self, samples: Tensor) -> Mapping[str, float]:
        assert self._data.modes is not None
        assert self._data.mode_std is not None
        belongs = membership(samples, torch.from_numpy(self._data.modes), self._data.mode_std)
        high_quality = 100 * belongs.any(dim=1).double().mean()
        return {
            "modes": int(belongs.any(dim=0).sum()),
            "high_quality": round(float(high_quality), 2),
        }

    def before_step(self, step: int, networks: GANNetworks) -> None:
        if self._first and self._simultaneous:
            make_simultaneous(networks)
        self._first = False


def make_simultaneous(networks: GANNetworks) -> None:
    """Delay the discriminator's optimizer step until the generator has its gradient."""
    step_discriminator = networks.discriminator.optimizer.step
    step_generator = networks.generator.optimizer.step

    def both() -> None:
        step_discriminator()
        step_generator()

    networks.discriminator.optimizer.step = lambda: None  # type: ignore[method-assign,assignment]
    networks.generator.optimizer.step = both  # type: ignore[method-assign,assignment]


def record(run: Run, steps: int, out: Path) -> None:
    """Train one run and save its counts of modes."""
    torch.set_num_threads(1)
    keep_freed_memory()
    candidate = run.candidate
    data = candidate.dataset.load()
    monitor = Counting(data, simultaneous=run.simultaneous)
    spec = StepsSpec(
        steps=steps,
        batch_size=PACKS * run.packing,
        seed=run.seed,
        precision="fp32",
        device="cpu",
        sample_every=0,
        checkpoint_every=PROBE_EVERY,
    )
    folder = out / "checkpoints" / run.name
    folder.mkdir(parents=True, exist_ok=True)
    trained = train(
        candidate, data, spec, RunWatch([Probing()]), monitor, folder=folder, resume_from=folder
    )
    looks = [
        {"step": step}
        | {
            name: row[name]
            for name in ("modes", "high_quality", "d_loss_real", "d_loss_fake", "g_loss")
        }
        for step, row in enumerate(trained.rows, start=1)
        if "modes" in row
    ]
    facts: dict[str, object] = {**asdict(run), "steps": trained.steps}
    facts |= {"seconds": round(trained.seconds, 1), "looks": looks}
    (out / f"{run.name}.json").write_text(json.dumps(facts) + "\n")
    end = looks[-1]
    print(
        f"{run.name:30} {end['modes']:3.0f} modes, {end['high_quality']:5.1f} % high quality",
        flush=True,
    )


def lacks(run: Run, steps: int, out: Path) -> bool:
    """Return True if a run is missing or was shorter."""
    path = out / f"{run.name}.json"
    return not path.exists() or json.loads(path.read_text())["steps"] < steps


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--packings", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=list(DATASETS))
    parser.add_argument("--recipe", choices=RECIPES, default="published")
    parser.add_argument("--simultaneous", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "runs")
    options = parser.parse_args()
    options.out.mkdir(exist_ok=True)
    # Seed by seed, so that the saved runs are balanced at any time.
    order = itertools.product(options.seeds, options.packings, options.datasets)
    recipe, simultaneous = options.recipe, options.simultaneous
    wanted = (Run(recipe, dataset, packing, seed, simultaneous) for seed, packing, dataset in order)
    waiting = [
        (run, options.steps, options.out)
        for run in wanted
        if lacks(run, options.steps, options.out)
    ]
    with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
        pool.starmap(record, waiting, chunksize=1)


if __name__ == "__main__":
    main()
