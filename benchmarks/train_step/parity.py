"""Does bf16 train to the same quality as fp32?

    python benchmarks/train_step/parity.py [--seeds 3] [--out parity.json]

The same candidate, to its full length, in both formats and with several seeds; the difference of the
means is to be held against the spread between seeds. About 3 minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
from pathlib import Path

import torch

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.candidate import Candidate
from gansearch.detection import RunWatch
from gansearch.evaluation.distances import FID, MMD
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.study import TrainingSpec
from gansearch.training.loop import train
from gansearch.training.precision import keep_freed_memory


def judge(precision: str, seed: int) -> dict[str, float | str]:
    """Train once and measure."""
    torch.set_num_threads(1)
    keep_freed_memory()
    dataset = FashionMNIST()
    generator = DCGANGenerator(width=16, latent=64, levels=2)
    discriminator = DCGANDiscriminator(width=16, layers=2, norm="none")
    schedule = Alternating(generator_lr=1e-3, discriminator_lr=5e-4)
    candidate = Candidate(dataset, generator, discriminator, BCE(), schedule, {})
    spec = TrainingSpec(steps=1500, seed=seed, precision=precision, device="cpu")  # type: ignore[arg-type]
    trained = train(candidate, dataset.load(), spec, RunWatch([]))
    evidence = TrainedEvidence(dataset.load(), trained.players.sample(trained.players.latents(2000)))
    told = {"mmd": MMD().measure(evidence), "fid": FID().measure(evidence)}
    return {"precision": precision, **told, "coverage": evidence.neighbourhoods["coverage"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "parity.json")
    options = parser.parse_args()
    jobs = [(precision, 3000 + seed) for seed in range(options.seeds) for precision in ("fp32", "bf16")]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        runs = pool.starmap(judge, jobs, chunksize=1)
    told = {}
    for metric in ("mmd", "fid", "coverage"):
        by = {p: [float(run[metric]) for run in runs if run["precision"] == p] for p in ("fp32", "bf16")}
        told[metric] = {
            **by,
            "difference_of_means": statistics.mean(by["bf16"]) - statistics.mean(by["fp32"]),
            "spread_between_seeds": statistics.stdev(by["fp32"]),
        }
    print(json.dumps(told, indent=1))
    options.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
