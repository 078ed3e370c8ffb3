"""Measure what extractors see: the MMD of degraded real pictures, in deviations of real ones.

    python benchmarks/extractors/degradations.py [--emoji FOLDER] [--only TEXT]

The emoji are those of studies/render_emoji.py at `--size 64`; without a folder they are left out.
Results are added to results.json, and what it holds already is not measured again.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from labelled_pictures import data_sets
from torch import Tensor
from torch.nn import functional

from gansearch.components import Data, Extractor
from gansearch.evaluation.distances import BANDWIDTH, frechet_distance, gaussian_bandwidth, mmd
from gansearch.evaluation.extractors import LoadedExtractor, extractor_for
from gansearch.registry import Registry

RESULTS = Path(__file__).parent / "results.json"
COUNT = 400
"""Pictures on either side."""
SPLITS = 40
"""Random halves of all pictures, between which real is compared with real."""
TIMED = 100
"""Pictures whose features are timed, in batches of 50, on one thread."""
EXTRACTORS: Mapping[str, Mapping[str, Any]] = {
    "random": {"use": "random"},
    "imagenet at 96": {"use": "imagenet", "size": 96},
    "imagenet at 64": {"use": "imagenet", "size": 64},
    "imagenet at 128": {"use": "imagenet", "size": 128},
}


def blurred(images: Tensor, draws: torch.Generator) -> Tensor:
    """Convolve with a Gaussian whose standard deviation is 0.7 pixels."""
    x = torch.arange(-3.0, 4.0)
    line = torch.exp(-(x**2) / (2 * 0.7**2))
    kernel = torch.outer(line, line) / line.sum() ** 2
    channels = images.shape[1]
    padded = functional.pad(images.float(), (3, 3, 3, 3), mode="reflect")
    weights = kernel.expand(channels, 1, 7, 7)
    return to_levels(functional.conv2d(padded, weights, groups=channels))


def noisy(images: Tensor, draws: torch.Generator) -> Tensor:
    """Add Gaussian noise of 8 levels."""
    return to_levels(images + 8 * torch.randn(images.shape, generator=draws))


def patched(images: Tensor, draws: torch.Generator) -> Tensor:
    """Put a 16x16 patch of the next picture, from the same place, into each one."""
    result = images.clone()
    for i in range(len(images)):
        y, x = (int(torch.randint(side - 15, (), generator=draws)) for side in images.shape[2:])
        place = (slice(None), slice(y, y + 16), slice(x, x + 16))
        result[i][place] = images[(i + 1) % len(images)][place]
    return result


def repeated(images: Tensor, draws: torch.Generator) -> Tensor:
    """Replace a tenth of the pictures by copies of one of them."""
    result = images.clone()
    result[: len(images) // 10] = images[-1]
    return result


DEGRADATIONS: Mapping[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "blur": blurred,
    "noise": noisy,
    "patch": patched,
    "repeats": repeated,
}


def to_levels(images: Tensor) -> Tensor:
    return images.round().clamp(0, 255).to(torch.uint8)


def measure(data: Data, extractor: LoadedExtractor) -> dict[str, float]:
    """Return the MMD of each degradation, in deviations of that between real pictures."""
    pool = torch.from_numpy(np.concatenate([data.train.samples, data.test.samples]))
    draws = torch.Generator().manual_seed(0)
    pool = pool[torch.randperm(len(pool), generator=draws)[: 2 * COUNT]]
    features = extractor.features(pool)
    count = len(pool) // 2
    reference, others = features[:count], pool[count:]
    bandwidth = BANDWIDTH * gaussian_bandwidth(reference)
    real = []
    for _ in range(SPLITS):
        order = torch.randperm(len(pool), generator=draws)
        halves = features[order[:count]], features[order[count:]]
        real.append(1000 * mmd(*halves, bandwidth))
    mean, deviation = float(np.mean(real)), float(np.std(real, ddof=1))
    found = {
        "count": count,
        "real": mean,
        "real_std": deviation,
        "real_fid": frechet_distance(reference, features[count:]),
    }
    for name, degrade in DEGRADATIONS.items():
        degraded = extractor.features(degrade(others, draws))
        value = 1000 * mmd(reference, degraded, bandwidth)
        found |= {name: value, f"{name}_deviations": (value - mean) / deviation}
    return {name: float(f"{value:.4g}") for name, value in found.items()}


def milliseconds(data: Data, extractor: LoadedExtractor) -> float:
    """Return the processor time for one picture, the least of three turns, on one thread."""
    images = torch.from_numpy(data.train.samples[:TIMED])
    times = [math.inf]
    for _ in range(3):
        began = time.process_time()
        extractor.features(images)
        times.append(time.process_time() - began)
    return float(f"{1000 * min(times) / len(images):.3g}")


def make(fields: Mapping[str, Any]) -> Extractor:
    component = Registry().load("extractor", fields["use"])
    made = component.model_validate({k: v for k, v in fields.items() if k != "use"})
    assert isinstance(made, Extractor)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emoji", type=Path, help="folder of rendered emoji")
    parser.add_argument("--only", default="", help="measure only what has this in its name")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for data_name, load in data_sets(options.emoji).items():
        data = load()
        for name, fields in EXTRACTORS.items():
            key = f"{data_name}, {name}"
            if key in results or options.only not in key:
                continue
            extractor = extractor_for(data, make(fields))
            results[key] = measure(data, extractor) | {"ms": milliseconds(data, extractor)}
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
            print(key, results[key], flush=True)


if __name__ == "__main__":
    main()
