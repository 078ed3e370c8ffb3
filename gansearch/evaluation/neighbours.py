"""Precision, recall, density and coverage (Naeem et al. 2020, arXiv:2002.09797).

The neighbourhood of a real sample reaches to its k-th nearest real sample. Precision is high under
collapse and recall is high for varied noise; low coverage shows both.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

K = 5


def radii(features: Tensor, k: int = K) -> Tensor:
    """Return the distance (N,) of each point (N, F) to its k-th nearest other one, or the farthest.

    Raises:
        ValueError: for fewer than two points.
    """
    if len(features) < 2:
        raise ValueError(f"neighbourhoods need at least 2 samples, got {len(features)}")
    # The nearest point of all is the point itself.
    return _distances(features, features).kthvalue(min(k + 1, len(features)), dim=1).values


def coverage(real: Tensor, real_radii: Tensor, fake: Tensor) -> float:
    """Return the share of real points (N, F) with a generated one (M, F) in their neighbourhood."""
    return _mean(_distances(real, fake).amin(dim=1) < real_radii)


def prdc(real: Tensor, fake: Tensor, k: int = K) -> Mapping[str, float]:
    """Measure precision, recall, density and coverage of features (M, F) against real ones (N, F).

    Raises:
        ValueError: for fewer than two of either.
    """
    distances = _distances(real, fake)
    in_real = distances < radii(real, k).unsqueeze(1)
    in_fake = distances < radii(fake, k).unsqueeze(0)
    return {
        "precision": _mean(in_real.any(dim=0)),
        "recall": _mean(in_fake.any(dim=1)),
        "density": _mean(in_real.sum(dim=0)) / k,
        "coverage": _mean(in_real.any(dim=1)),
    }


def _distances(one: Tensor, other: Tensor) -> Tensor:
    """Return Euclidean distances (N, M), in double precision: equal points must not seem apart."""
    return torch.cdist(one.double(), other.double())


def _mean(values: Tensor) -> float:
    return float(values.double().mean())
