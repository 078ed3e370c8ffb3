"""Measure whether the settings that make a step fast change the quality.

    python benchmarks/train_step/parity.py [--seeds 3] [--only bf16 ...] [--out parity.json]

One candidate is trained to its full length with each setting and several seeds. Compare the
difference of its mean from that of the reference (fp32, channels last, fused Adam) with the spread
between seeds. About 5 minutes on two cores, and as long again for `compiled`, which runs only if
`--only` names it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from contenders import compiled, unchanged

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.metrics.distances import FID, MMD
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.candidate import Candidate
from gansearch.diagnosis.detection import RunWatch
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.study.spec import TrainingSpec
from gansearch.training.loop import train
from gansearch.training.monitor import TrainingMonitor
from gansearch.training.networks import GANNetworks
from gansearch.training.precision import keep_freed_memory

REFERENCE = "fp32"
METRICS = ("mmd", "fid", "coverage")
Change = Callable[[GANNetworks], None]


def unfused(networks: GANNetworks) -> None:
    """Use Adam as torch does by default on a CPU: one weight after the other."""
    for network in (networks.generator, networks.discriminator):
        network.optimizer.param_groups[0].update(fused=False, foreach=False)


CHANGES: Mapping[str, Change] = {
    REFERENCE: unchanged,
    "bf16": unchanged,
    "without channels_last": unchanged,
    "without fused Adam": unfused,
    "compiled": compiled,
}
SWITCHES: Mapping[str, Mapping[str, str]] = {
    "bf16": {"precision": "bf16"},
    "without channels_last": {"memory_format": "contiguous"},
}
"""Keys of the study that differ from the reference."""
LEFT_OUT = ("compiled",)
"""Settings that run only if they are named."""


class BeforeTheFirstStep(TrainingMonitor):
    """Apply a change to the networks once, before they train."""

    def __init__(self, change: Change) -> None:
        self._change = change

    def before_step(self, step: int, networks: GANNetworks) -> None:
        if step == 1:
            self._change(networks)


def judge(name: str, seed: int) -> dict[str, Any]:
    """Train once and measure."""
    torch.set_num_threads(1)
    keep_freed_memory()
    dataset = FashionMNIST()
    generator = DCGANGenerator(width=16, latent=64, levels=2)
    discriminator = DCGANDiscriminator(width=16, layers=2, norm="none")
    schedule = Alternating(generator_lr=1e-3, discriminator_lr=5e-4)
    candidate = Candidate(dataset, generator, discriminator, BCE(), schedule, {})
    switches = {"precision": "fp32", **SWITCHES.get(name, {})}
    spec = TrainingSpec.model_validate(
        {"steps": 1500, "seed": seed, "device": "cpu"} | switches
    ).in_steps(60_000)
    monitor = BeforeTheFirstStep(CHANGES[name])
    trained = train(candidate, dataset.load(), spec, RunWatch([]), monitor)
    evidence = TrainedEvidence(
        dataset.load(), trained.networks.sample(trained.networks.draw_latents(2000))
    )
    told = {"mmd": MMD().measure(evidence), "fid": FID().measure(evidence)}
    print(name, seed, told, flush=True)
    return {
        "name": name,
        "seconds": trained.seconds,
        **told,
        "coverage": evidence.neighbourhoods["coverage"],
    }


def compare(runs: Sequence[Mapping[str, Any]], metric: str) -> dict[str, Any]:
    """A metric of every switch, by seed, and how far its mean is from the plain loop's."""
    by = {name: [float(run[metric]) for run in runs if run["name"] == name] for name in CHANGES}
    by = {name: values for name, values in by.items() if values}
    reference = statistics.mean(by[REFERENCE])
    return {
        "seeds": by,
        "difference_of_means": {
            name: statistics.mean(values) - reference for name, values in by.items()
        },
        "spread_between_seeds": statistics.stdev(by[REFERENCE]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--only", nargs="+", choices=CHANGES, default=[n for n in CHANGES if n not in LEFT_OUT]
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "parity.json")
    options = parser.parse_args()
    names = dict.fromkeys([REFERENCE, *options.only])
    jobs = [(name, 3000 + seed) for seed in range(options.seeds) for name in names]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        runs = pool.starmap(judge, jobs, chunksize=1)
    told = {metric: compare(runs, metric) for metric in METRICS}
    print(json.dumps(told, indent=1))
    options.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
