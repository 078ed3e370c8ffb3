"""Calibration: real samples and trivial generators, measured as a run's samples are."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from gansearch.components import Data, Extractor
from gansearch.evaluation.distances import BANDWIDTH, gaussian_bandwidth, mmd
from gansearch.evaluation.evidence import PROTOCOL_VERSION, real_features, reference_name
from gansearch.evaluation.extractors import (
    LoadedExtractor,
    detectors_extractor_for,
    extractor_for,
)
from gansearch.evaluation.neighbours import prdc
from gansearch.evaluation.probe import Probe
from gansearch.files import json_with_digest, load_json_with_digest, write_atomically
from gansearch.run_context import Calibration, SampleFigures
from gansearch.user_folders import cache_folder

NOISE_LEVELS = 8.0
"""Standard deviation of the noise that is added to a trivial generator's few pictures."""
TRIVIAL_SAMPLES = 200
"""Samples of each trivial generator: their number hardly matters, and features take time."""
MEDIOCRE_SAMPLES = 300
"""Cross-fades of two training pictures, from which draws are taken to measure a metric's spread."""
DRAWS = 12
"""Draws between which a metric's spread is measured."""
CALIBRATION_VERSION = 3
"""Raised when a calibration holds other figures than before, or is kept in another way."""

_LOG = logging.getLogger(__name__)

_known: dict[str, Calibration] = {}
"""Calibrations that this process has read or measured, where the user's cache cannot be written."""


def calibration_of(data: Data, extractor: Extractor | None = None) -> Calibration:
    """Return the calibration of a data set: from memory, from the user's cache, or measured.

    Args:
        data: the data set.
        extractor: the study's; None for the one that is chosen for these data.
    """
    digests = (load(data, extractor).digest for load in (extractor_for, detectors_extractor_for))
    identity = (data.digest, *digests, f"{PROTOCOL_VERSION}.{CALIBRATION_VERSION}")
    key = hashlib.sha256("\n".join(identity).encode()).hexdigest()
    if key not in _known:
        path = cache_folder() / "calibrations" / f"{key}.json"
        _known[key] = _read(path) or _measured(data, extractor, path)
    return _known[key]


def _read(path: Path) -> Calibration | None:
    try:
        return Calibration.model_validate(load_json_with_digest(path.read_bytes()))
    except OSError:
        return None
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        _LOG.warning("%s is damaged, so the data are calibrated anew: %s", path, reason)
        return None


def _measured(data: Data, extractor: Extractor | None, path: Path) -> Calibration:
    calibration = calibrate(data, extractor)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json_with_digest(calibration.model_dump(mode="json")))
    return calibration


def calibrate(data: Data, extractor: Extractor | None = None) -> Calibration:
    """Measure real samples and trivial generators, the same on every machine to four digits.

    The MMD, and the spread of metrics, are measured with the study's extractor; what detectors go
    by, with theirs.
    """
    probe = Probe(data, detectors_extractor_for(data, extractor))
    loaded = extractor_for(data, extractor)
    real = real_features(data, loaded, probe.samples)
    bandwidth = BANDWIDTH * gaussian_bandwidth(real)
    draws = torch.Generator().manual_seed(0)

    def figures(samples: Tensor) -> SampleFigures:
        measured = probe.figures(samples)
        if len(samples) > 1 and bandwidth:
            measured["mmd"] = 1000 * mmd(real, loaded.features(samples), bandwidth)
        return SampleFigures(**{k: _rounded(v) for k, v in measured.items() if not math.isnan(v)})

    train = torch.from_numpy(data.train.samples)
    chosen = train[_picks(len(train), probe.samples, draws)]
    return Calibration(
        protocol=PROTOCOL_VERSION,
        data_sha256=data.digest,
        extractor=loaded.name,
        extractor_sha256=loaded.digest,
        detectors_extractor=probe.extractor.name,
        samples=probe.samples,
        reference=reference_name(data),
        near=_rounded(probe.near) if data.is_image else None,
        real=figures(chosen),
        trivial={name: figures(samples) for name, samples in trivial_samples(train, draws).items()},
        real_mmd_std=_rounded(_real_mmd_std(real, bandwidth, draws)),
        relative_spread=_relative_spread(loaded, train, real, bandwidth, draws),
    )


def trivial_samples(
    train: Tensor, draws: torch.Generator, count: int = TRIVIAL_SAMPLES
) -> Mapping[str, Tensor]:
    """Make samples of generators that must fail from training samples (N, C, H, W), by name."""
    order = torch.randperm(len(train), generator=draws)
    if train.dtype != torch.uint8:
        return {"one": train[order[:1]].repeat(count, 1, 1, 1)}
    shape = (count, *train.shape[1:])

    def noisy(pictures: Tensor) -> Tensor:
        repeated = pictures[torch.arange(count) % len(pictures)].float()
        noise = NOISE_LEVELS * torch.randn(shape, generator=draws)
        return (repeated + noise).round().clamp(0, 255).to(torch.uint8)

    mean = train.float().mean(dim=0, keepdim=True)
    return {
        "one": noisy(train[order[:1]]),
        "five": noisy(train[order[:5]]),
        "ten": noisy(train[order[:10]]),
        "mean": mean.round().to(torch.uint8).repeat(count, 1, 1, 1),
        "noise": torch.randint(0, 256, shape, generator=draws, dtype=torch.uint8),
    }


def _picks(available: int, count: int, draws: torch.Generator) -> Tensor:
    """Indices of `count` samples, each as often as the others or once more."""
    order = torch.randperm(available, generator=draws)
    return order[torch.arange(count) % available]


def _real_mmd_std(real: Tensor, bandwidth: float, draws: torch.Generator) -> float:
    """Spread of the MMD between real samples, from halves of them: it falls as 1 / N."""
    half = len(real) // 2
    if half < 2 or not bandwidth:
        return 0.0
    values = []
    for _ in range(DRAWS):
        order = torch.randperm(len(real), generator=draws)
        values.append(1000 * mmd(real[order[:half]], real[order[half:]], bandwidth))
    return float(torch.tensor(values).std()) * half / len(real)


def _relative_spread(
    extractor: LoadedExtractor,
    train: Tensor,
    real: Tensor,
    bandwidth: float,
    draws: torch.Generator,
) -> dict[str, float]:
    """Relative standard deviation of metrics between draws of cross-fades of training samples."""
    count = min(MEDIOCRE_SAMPLES, len(real))
    pairs = [train[_picks(len(train), count, draws)].float() for _ in range(2)]
    faded = (pairs[0] + pairs[1]) / 2
    if train.dtype == torch.uint8:
        faded = faded.round().to(torch.uint8)
    features = extractor.features(faded)
    values: dict[str, list[float]] = {"mmd": [], "coverage": []}
    for _ in range(DRAWS if bandwidth and count > 3 else 0):
        drawn = features[torch.randint(0, count, (count,), generator=draws)]
        values["mmd"].append(mmd(real, drawn, bandwidth))
        values["coverage"].append(prdc(real, drawn)["coverage"])
    shrinks = math.sqrt(count / len(real))
    spread = {name: torch.tensor(found) for name, found in values.items() if found}
    return {
        name: _rounded(shrinks * float(found.std() / found.mean().abs().clamp(min=1e-9)))
        for name, found in spread.items()
    }


def _rounded(value: float) -> float:
    """Keep four significant digits: beyond them machines differ."""
    return float(f"{value:.4g}")
