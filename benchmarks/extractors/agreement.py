"""Compare the order in which extractors rank generators with that of an independent judge.

    python benchmarks/extractors/agreement.py [--out FOLDER] [--only-report]

The judge is a classifier that was trained on the labels of the data set, which no extractor has
seen: its features' Frechet distance, and the share of samples that it is sure of. Five widths and
two lengths of training make ten generators, of three seeds each. Runs that FOLDER holds already are
not trained again, and the report is of all that it holds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from degradations import make
from labelled_pictures import LABELLED
from scipy.stats import spearmanr
from torch import Tensor, nn

from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.extractors.lenet import LeNet
from gansearch.builtin.extractors.training import accuracy, train_extractor
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.candidate import Candidate
from gansearch.components import Data, FeatureNetwork
from gansearch.diagnosis.detection import RunWatch
from gansearch.evaluation.distances import BANDWIDTH, frechet_distance, gaussian_bandwidth, mmd
from gansearch.evaluation.evidence import quantise, real_features, real_samples
from gansearch.evaluation.extractors import LoadedExtractor, extractor_for
from gansearch.evaluation.neighbours import prdc
from gansearch.study.spec import TrainingSpec
from gansearch.training.loop import train
from gansearch.training.monitor import TrainingMonitor

STEPS = (300, 700)
WIDTHS = (4, 6, 8, 12, 16)
SEEDS = (0, 1, 2)
SAMPLES = 500
SURE = 0.9
"""Probability from which the judge is sure of a sample's class."""
BOOTSTRAPS = 2000
EXTRACTORS = {"random": {"use": "random"}, "imagenet": {"use": "imagenet"}}
JUDGED = ("judge_fid", "judge_unsure")
"""Figures of the judge, less being better."""
MEASURED = tuple(f"{name}_{figure}" for name in EXTRACTORS for figure in ("mmd", "uncovered"))


class Keeping(TrainingMonitor):
    """Keep the samples at the shorter length of training."""

    rungs = frozenset(STEPS[:-1])
    rung_samples = SAMPLES

    def __init__(self) -> None:
        self.samples: list[Tensor] = []

    def measure_rung(
        self, samples: Tensor, inputs: Tensor, generator: nn.Module
    ) -> Mapping[str, float]:
        self.samples.append(samples)
        return {}


def judge_of(data: Data, path: Path) -> LeNet:
    """Load the judge of a data set, or train it."""
    images, labels = torch.from_numpy(data.train.samples), torch.from_numpy(data.train.labels)
    if not path.exists():
        judge = train_extractor(images, labels.long(), epochs=10)
        torch.save(judge.state_dict(), path)
    judge = LeNet(data.shape, int(labels.max()) + 1).eval()
    judge.load_state_dict(torch.load(path, weights_only=True))
    return judge.requires_grad_(False)


def trained(data: Data, width: int, seed: int) -> list[Tensor]:
    """Train one generator and return its samples at both lengths, as 8-bit pictures."""
    schedule = Alternating(generator_lr=1e-3, discriminator_lr=1e-3)
    generator = DCGANGenerator(width=width, latent=32, levels=2)
    discriminator = DCGANDiscriminator(width=16, layers=2, norm="none")
    candidate = Candidate(None, generator, discriminator, BCE(), schedule, {})  # type: ignore[arg-type]
    spec = TrainingSpec(
        steps=STEPS[-1], batch_size=32, seed=seed, precision="fp32", device="cpu", sample_every=0
    )
    steps, monitor = spec.in_steps(len(data.train.samples)), Keeping()
    run = train(candidate, data, steps, RunWatch(()), monitor)
    last = run.networks.sample(run.networks.draw_latents(SAMPLES))
    return [quantise(samples, data) for samples in (*monitor.samples, last)]


def figures(data: Data, judge: LeNet, samples: Tensor) -> dict[str, float]:
    """Measure samples by the judge and by each extractor; in all figures less is better."""
    real = real_samples(data, SAMPLES)
    body = LoadedExtractor(FeatureNetwork(judge.body, "judge", "0" * 64))
    sure = judge(samples.float() / 255).softmax(dim=1).amax(dim=1) >= SURE
    found = {
        "judge_fid": frechet_distance(body.features(real), body.features(samples)),
        "judge_unsure": 1 - float(sure.float().mean()),
    }
    for name, fields in EXTRACTORS.items():
        extractor = extractor_for(data, make(fields))
        known, made = real_features(data, extractor, SAMPLES), extractor.features(samples)
        bandwidth = BANDWIDTH * gaussian_bandwidth(known)
        found[f"{name}_mmd"] = 1000 * mmd(known, made, bandwidth)
        found[f"{name}_uncovered"] = 1 - prdc(known, made)["coverage"]
    return {name: float(f"{value:.5g}") for name, value in found.items()}


def record(out: Path) -> None:
    """Train and measure what is not there yet, one seed after the other."""
    for seed in SEEDS:
        for name, load in LABELLED.items():
            data = load()
            judge = judge_of(data, out / f"{name} judge.pt")
            for width in WIDTHS:
                path = out / f"{name} {width} {seed}.json"
                if path.exists():
                    continue
                rows = [
                    {"data": name, "width": width, "seed": seed, "steps": steps}
                    | figures(data, judge, samples)
                    for steps, samples in zip(STEPS, trained(data, width, seed), strict=True)
                ]
                path.write_text(json.dumps(rows, indent=1) + "\n")
                print(rows, flush=True)


def correlation(rows: Sequence[Mapping[str, Any]], one: str, other: str) -> dict[str, float | None]:
    """Return Spearman's correlation of two figures, with a 95 % interval by the bootstrap.

    None where a figure is the same for all generators.
    """
    x, y = (np.array([row[name] for row in rows]) for name in (one, other))
    if len({*x}) == 1 or len({*y}) == 1:
        return {"rho": None, "low": None, "high": None}
    draws = np.random.default_rng(0)
    values = []
    for _ in range(BOOTSTRAPS):
        chosen = draws.integers(0, len(rows), len(rows))
        values.append(spearmanr(x[chosen], y[chosen]).statistic)
    low, high = np.nanquantile(values, [0.025, 0.975])
    found = spearmanr(x, y).statistic
    return {
        "rho": round(float(found), 3),
        "low": round(float(low), 3),
        "high": round(float(high), 3),
    }


def report(out: Path) -> dict[str, Any]:
    """Correlate every figure with those of the judge, over all runs of a data set."""
    rows = [row for path in sorted(out.glob("*.json")) for row in json.loads(path.read_text())]
    told: dict[str, Any] = {}
    for name, load in LABELLED.items():
        own = [row for row in rows if row["data"] == name]
        if len(own) < 5:
            continue
        data = load()
        judge = judge_of(data, out / f"{name} judge.pt")
        tested = torch.from_numpy(data.test.samples), torch.from_numpy(data.test.labels)
        told[name] = {"generators": len(own), "judge_accuracy": round(accuracy(judge, *tested), 3)}
        told[name] |= {
            judged: {measured: correlation(own, measured, judged) for measured in MEASURED}
            for judged in JUDGED
        }
        told[name]["rows"] = own
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "runs")
    parser.add_argument("--only-report", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(exist_ok=True)
    if not options.only_report:
        record(options.out)
    path = Path(__file__).parent / "agreement.json"
    path.write_text(json.dumps(report(options.out), indent=1) + "\n")


if __name__ == "__main__":
    main()
