"""Train the runs that the detectors are evaluated on, to their full length; save their signals.

    python benchmarks/detectors/record.py [--out FOLDER] [--workers 2] [--seeds 2000]

Nothing is stopped early: judge.py replays the signals through the detectors afterwards. A run
that is saved already is not trained again. About 20 minutes on two cores.

The thresholds were set on runs with `--seeds 1000`; results.json reports runs with `--seeds 2000`,
on which nothing was set.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.losses.hinge import Hinge
from gansearch.builtin.metrics.distances import FID, MMD
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.candidate import Candidate
from gansearch.components import Component, Loss, Phase, Player, Watch
from gansearch.diagnosis.detection import RunWatch
from gansearch.evaluation.counting import count_parameters
from gansearch.evaluation.diversity import near_distance, near_duplicate_rate
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.evaluation.probe import Probe
from gansearch.run_context import RunContext
from gansearch.study.spec import TrainingSpec
from gansearch.training.loop import train
from gansearch.training.monitor import TrainingMonitor
from gansearch.training.networks import GANNetworks
from gansearch.training.precision import keep_freed_memory

STEPS = 1500
SPIKE = range(501, 511)


class ConstantLatent(DCGANGenerator):
    """A generator that is always given the same latent: the surest collapse."""

    def draw_latents(self, count: int, device: torch.device | str) -> torch.Tensor:
        return torch.ones(count, self.latent, device=device)


class DiscriminatorBurst(Alternating):
    """Ten discriminator updates a step for fifteen steps."""

    def phases(self, steps_per_epoch: int) -> Sequence[Phase]:
        burst = Phase("discriminator", "discriminate", updates=9, start=500, stop=515)
        return (burst, *super().phases(steps_per_epoch))


class Looking(ModeCollapse):
    """Request probes and never condemn."""

    def watch(self, context: RunContext | None = None) -> Watch:
        return _Silent()


class _Silent:
    def observe(self, step: int, row: object) -> None:
        return None

    def conclude(self) -> None:
        return None


@dataclass(frozen=True)
class Run:
    """One run of the benchmark; `kind` says what it tests."""

    name: str
    kind: str
    generator: DCGANGenerator
    discriminator: DCGANDiscriminator
    schedule: Alternating
    seed: int
    loss: Loss = BCE()  # noqa: RUF009  # frozen
    spiked: Player | None = None


class Probing(TrainingMonitor):
    """Probe samples; multiply one network's learning rate during the spike if there is one."""

    def __init__(self, probe: Probe, spiked: Player | None, factor: float = 100.0) -> None:
        self.probe_samples = probe.samples
        self._probe, self._spiked, self._factor = probe, spiked, factor

    def on_probe(self, samples: torch.Tensor) -> Mapping[str, float]:
        return self._probe(samples)

    def before_step(self, step: int, networks: GANNetworks) -> None:
        if self._spiked is None:
            return
        group = networks[self._spiked].optimizer.param_groups[0]
        if step == SPIKE.start:
            group["lr"] *= self._factor
        if step == SPIKE.stop:
            group["lr"] /= self._factor


def runs(seeds: int) -> Iterator[Run]:
    """Yield every run, ordinary ones first, with seeds from `seeds` on."""

    def generator(width: int, latent: int, **fields: Any) -> DCGANGenerator:
        return DCGANGenerator(width=width, latent=latent, levels=2, **fields)

    def discriminator(width: int = 16, **fields: Any) -> DCGANDiscriminator:
        return DCGANDiscriminator(width=width, layers=2, norm="none", **fields)

    def lr(g: float, d: float) -> Alternating:
        return Alternating(generator_lr=g, discriminator_lr=d)

    ordinary = [
        *[("w32", generator(32, 64), discriminator(), lr(2e-4, 2e-4))] * 2,
        *[("w16", generator(16, 64), discriminator(), lr(1e-3, 5e-4))] * 2,
        *[("w8-z64", generator(8, 64), discriminator(), lr(1e-3, 1e-3))] * 2,
        *[("w4-z64", generator(4, 64), discriminator(), lr(1e-3, 1e-3))] * 2,
        *[("w4-z16", generator(4, 16), discriminator(), lr(2e-3, 1e-3))] * 3,
        *[("w2-z16", generator(2, 16), discriminator(8), lr(2e-3, 1e-3))] * 3,
        *[("w6-z16-weak-d", generator(6, 16), discriminator(8), lr(2e-3, 1e-3))] * 2,
        *[("w4-z16-plain", generator(4, 16, norm="none"), discriminator(), lr(1e-3, 5e-4))] * 3,
        *[("w8-z16-plain", generator(8, 16, norm="none"), discriminator(), lr(1e-3, 5e-4))] * 2,
        *[("w4-z16-slow", generator(4, 16), discriminator(), lr(2e-4, 2e-4))] * 2,
        *[
            (
                "w8-z16-sn",
                generator(8, 16, norm="none"),
                discriminator(spectral_norm=True),
                lr(1e-3, 1e-3),
            )
        ]
        * 2,
    ]
    for i, (name, g, d, schedule) in enumerate(ordinary):
        yield Run(f"{name}-{i}", "ordinary", g, d, schedule, seed=seeds + i)
    yield Run(
        "w8-z16-hinge",
        "ordinary",
        generator(8, 16),
        discriminator(),
        lr(1e-3, 1e-3),
        seeds + 100,
        loss=Hinge(),
    )
    for i, (width, latent) in enumerate([(16, 64), (4, 16), (8, 16)]):
        fields: dict[str, Any] = {
            "generator": generator(width, latent),
            "discriminator": discriminator(),
        }
        rates = {"generator_lr": 1e-3, "discriminator_lr": 1e-3}
        players: tuple[tuple[int, Player], ...] = ((200, "discriminator"), (210, "generator"))
        for first, network in players:
            yield Run(
                f"spike-{network[0]}-{i}",
                "spiked",
                **fields,
                schedule=lr(1e-3, 1e-3),
                seed=seeds + first + i,
                spiked=network,
            )
        yield Run(
            f"burst-{i}",
            "spiked",
            **fields,
            schedule=DiscriminatorBurst(**rates),
            seed=seeds + 220 + i,
        )
    for i, width in enumerate([4, 8, 16]):
        constant = ConstantLatent(width=width, latent=16, levels=2)
        yield Run(
            f"constant-z-{i}",
            "must-fail",
            constant,
            discriminator(),
            lr(1e-3, 1e-3),
            seeds + 300 + i,
        )
        yield Run(
            f"frozen-g-{i}",
            "must-fail",
            generator(width, 16),
            discriminator(),
            lr(2e-7, 1e-3),
            seeds + 310 + i,
        )
        wild = generator(width, 16, norm="none", init_std=1.0)
        yield Run(
            f"init-std-1-{i}", "must-fail", wild, discriminator(), lr(1e-3, 1e-3), seeds + 320 + i
        )
        yield Run(
            f"z-1-{i}",
            "must-fail",
            generator(width, 1),
            discriminator(),
            lr(1e-3, 1e-3),
            seeds + 330 + i,
        )


def record(run: Run, out: Path) -> None:
    """Train one run and save its signals, with the metrics of its final samples."""
    torch.set_num_threads(1)
    keep_freed_memory()
    dataset = FashionMNIST()
    data = dataset.load()
    monitor = Probing(Probe(data), run.spiked)
    candidate = Candidate(dataset, run.generator, run.discriminator, run.loss, run.schedule, {})
    spec = TrainingSpec(steps=STEPS, seed=run.seed, precision="fp32", device="cpu")
    steps = spec.in_steps(len(data.train.samples))
    watch = RunWatch([Looking()], RunContext(steps.steps))
    trained = train(candidate, data, steps, watch, monitor)
    samples = trained.networks.sample(trained.networks.draw_latents(2000))
    evidence = TrainedEvidence(data, samples)
    end = {
        "coverage": evidence.neighbourhoods["coverage"],
        "duplicates": near_duplicate_rate(evidence.fake, near_distance(evidence.real)),
        "mmd": MMD().measure(evidence),
        "fid": FID().measure(evidence),
    }
    parts: dict[str, Component] = {"generator": run.generator, "schedule": run.schedule}
    params = count_parameters(trained.networks.generator.network).total
    facts = {
        "name": run.name,
        "kind": run.kind,
        "generator_params": params,
        "seconds": trained.seconds,
        **end,
    }
    facts |= {name: part.model_dump(mode="json") for name, part in parts.items()}
    pd.DataFrame(trained.rows, index=range(1, len(trained.rows) + 1)).to_parquet(
        out / f"{run.name}.parquet"
    )
    (out / f"{run.name}.json").write_text(json.dumps(facts, indent=1))
    print(
        f"{run.name:20} {params:7} coverage {end['coverage']:.3f} mmd {end['mmd']:.0f}", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "runs")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=2000)
    options = parser.parse_args()
    options.out.mkdir(exist_ok=True)
    waiting = [
        (run, options.out)
        for run in runs(options.seeds)
        if not (options.out / f"{run.name}.json").exists()
    ]
    with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
        pool.starmap(record, waiting, chunksize=1)


if __name__ == "__main__":
    main()
