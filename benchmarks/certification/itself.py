"""Hold one candidate against itself: how often does it fail the tolerance of its certification?

    python benchmarks/certification/itself.py [--out itself.json] [--seeds 10]

The candidate is a small DCGAN on Fashion-MNIST, trained with several seeds; its MMD and coverage
are measured as a study measures them. Then every way to choose `required` seeds for the reference
and as many others for a candidate of exactly the same quality is tried: the candidate fails where
its median is worse than the reference's by more than the tolerance. A run that is in the file
already is not trained again. About three minutes on an idle core.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import torch

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.metrics.distances import MMD
from gansearch.builtin.metrics.neighbours import Coverage
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.candidate import Candidate
from gansearch.components import Data
from gansearch.diagnosis.detection import RunWatch
from gansearch.evaluation.calibration import calibration_of
from gansearch.evaluation.counting import count_parameters
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.evaluation.extractors import extractor_for
from gansearch.study.objective import Objective
from gansearch.study.spec import CertificationSpec, TrainingSpec
from gansearch.training.loop import train
from gansearch.training.precision import keep_freed_memory

STEPS = 600
OBJECTIVES = (Objective("mmd", "minimize"), Objective("coverage", "maximize"))


def candidate() -> Candidate:
    generator = DCGANGenerator(width=2, latent=16, levels=2)
    discriminator = DCGANDiscriminator(width=8, layers=2, norm="none")
    schedule = Alternating(generator_lr=2e-3, discriminator_lr=1e-3)
    return Candidate(None, generator, discriminator, BCE(), schedule, {})  # type: ignore[arg-type]


def figures(data: Data, seed: int) -> dict[str, float]:
    """Train the candidate with a seed, and measure its samples."""
    spec = TrainingSpec(steps=STEPS, seed=seed, precision="fp32", device="cpu")
    run = train(candidate(), data, spec.in_steps(len(data.train.samples)), RunWatch(()))
    inputs = run.networks.evaluation_inputs(spec.eval_samples, run.batches)
    evidence = TrainedEvidence(data, run.networks.sample(inputs), extractor_for(data))
    told = {"mmd": MMD().measure(evidence), "coverage": Coverage().measure(evidence)}
    print(f"seed {seed}: {told}", flush=True)
    return told


def pairs(seeds: Sequence[int], count: int) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield every choice of `count` seeds for the reference and as many others."""
    for reference in combinations(seeds, count):
        rest = [seed for seed in seeds if seed not in reference]
        for others in combinations(rest, count):
            yield reference, others


def failure_rate(
    values: Mapping[int, float], objective: Objective, count: int, tolerance: float
) -> float:
    """Return the share of choices in which the candidate is worse than itself and a tolerance."""
    failed = []
    for reference, others in pairs(sorted(values), count):
        limit = objective.limit(statistics.median(values[s] for s in reference), tolerance)
        median = statistics.median(values[s] for s in others)
        failed.append(objective.cost(median) > objective.cost(limit))
    return statistics.mean(failed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "itself.json")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    data, rules = FashionMNIST().load(), CertificationSpec()
    told = json.loads(options.out.read_text()) if options.out.is_file() else {"runs": {}}
    for seed in map(str, range(1, options.seeds + 1)):
        if seed not in told["runs"]:
            told["runs"][seed] = figures(data, int(seed))
            options.out.write_text(json.dumps(told, indent=1) + "\n")
    told |= {"steps": STEPS, "required": rules.required, "tolerance": rules.tolerance}
    told["parameters"] = count_parameters(candidate().generator.build(data.shape)).total
    for objective in OBJECTIVES:
        values = {int(seed): run[objective.metric] for seed, run in told["runs"].items()}
        spread = calibration_of(data).smallest_tolerance(objective.metric)
        asked = {"study": rules.tolerance, "draws": spread, "20 %": 0.2, "30 %": 0.3}
        told[objective.metric] = {
            "median": statistics.median(values.values()),
            "relative_std": statistics.stdev(values.values()) / statistics.mean(values.values()),
            "smallest_tolerance": spread,
            "fails": {
                name: failure_rate(values, objective, rules.required, max(tolerance, spread))
                for name, tolerance in asked.items()
            },
        }
    options.out.write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps({k: v for k, v in told.items() if k != "runs"}, indent=1))


if __name__ == "__main__":
    main()
