"""Distances between two sets of samples or of their features."""

from __future__ import annotations

import math

import torch
from torch import Tensor

BANDWIDTH = 0.75
"""Usual bandwidth of the MMD, in root mean square distances between two real features."""


def gaussian_bandwidth(real: Tensor) -> float:
    """Return the root mean square distance between two real features (N, F)."""
    return math.sqrt(2 * float(real.double().var(dim=0).sum()))


def mmd(real: Tensor, fake: Tensor, bandwidth: float) -> float:
    """Return the squared maximum mean discrepancy of features (N, F) and (M, F), Gaussian kernel.

    The unbiased estimate, which scatters about 0, also below it, where the distributions are the
    same (Gretton et al. 2012, JMLR 13, equation 3; as a quality of images: Jayasumana et al. 2024,
    arXiv:2401.09603).
    """
    return _unbiased(*(_gaussian(a, b, bandwidth) for a, b in _sides(real, fake)))


def differentiable_mmd(real: Tensor, fake: Tensor, bandwidth: float) -> Tensor:
    """Return the estimate of `mmd` as a scalar with a gradient, in the precision of the features.

    Squared distances are computed without a root, whose gradient is infinite where two features
    are equal.
    """

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        squares = x.square().sum(1)[:, None] + y.square().sum(1)[None] - 2 * x @ y.T
        return torch.exp(-squares.clamp(min=0) / (2 * bandwidth**2))

    def between_different(x: Tensor) -> Tensor:
        others = kernel(x, x)
        return (others.sum() - others.trace()) / (len(x) * (len(x) - 1))

    return between_different(real) + between_different(fake) - 2 * kernel(real, fake).mean()


def kid(real: Tensor, fake: Tensor) -> float:
    """Return the kernel Inception distance of any features (N, F) and (M, F).

    Squared MMD with the kernel (x.y / F + 1)^3, unbiased, over all samples at once (Binkowski et
    al. 2018, arXiv:1801.01401). The features are divided by the root mean square of the real ones,
    since the kernel depends on their scale.
    """
    scale = real.double().square().mean().sqrt()
    return _unbiased(
        *((a @ b.T / (scale.square() * a.shape[1]) + 1) ** 3 for a, b in _sides(real, fake))
    )


def _sides(real: Tensor, fake: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
    x, y = real.double(), fake.double()
    return (x, x), (y, y), (x, y)


def _gaussian(x: Tensor, y: Tensor, bandwidth: float) -> Tensor:
    return torch.exp(-torch.cdist(x, y).square() / (2 * bandwidth**2))


def _unbiased(k_xx: Tensor, k_yy: Tensor, k_xy: Tensor) -> float:
    """Return the squared MMD from kernel matrices; a sample is not compared with itself."""

    def between_different(kernel: Tensor) -> Tensor:
        return (kernel.sum() - kernel.trace()) / (len(kernel) * (len(kernel) - 1))

    return float(between_different(k_xx) + between_different(k_yy) - 2 * k_xy.mean())


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """Return the Frechet distance of Gaussians fitted to features (N, F) and (M, F).

    NaN where features are not finite (Heusel et al. 2017, arXiv:1706.08500). The trace of the
    covariances' geometric mean is taken from a symmetric matrix, so that rank-deficient
    covariances, as collapse brings them, do no harm.
    """
    x, y = real.double(), fake.double()
    if not (x.isfinite().all() and y.isfinite().all()):
        return math.nan
    sigma_x, sigma_y = (
        torch.cov(features.T).reshape(x.shape[1], x.shape[1]) for features in (x, y)
    )
    root_x = _symmetric_root(sigma_x)
    cross = torch.linalg.eigvalsh(root_x @ sigma_y @ root_x).clamp(min=0).sqrt().sum()
    shift = (x.mean(dim=0) - y.mean(dim=0)).square().sum()
    return max(0.0, float(shift + sigma_x.trace() + sigma_y.trace() - 2 * cross))


def _symmetric_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root


def sliced_wasserstein(real: Tensor, fake: Tensor, projections: int, seed: int = 0) -> float:
    """Return the mean 1-Wasserstein distance of samples (N, ...) along random directions.

    Source: Rabin et al. 2011, doi:10.1007/978-3-642-24785-9_37. The directions depend on the seed
    alone, so that two generators are measured along the same ones.
    """
    x, y = (samples.flatten(1).float() for samples in (real, fake))
    draws = torch.Generator().manual_seed(seed)
    directions = torch.randn(x.shape[1], projections, generator=draws).to(x.device)
    directions = directions / directions.norm(dim=0)
    return float(
        ((x @ directions).sort(dim=0).values - (y @ directions).sort(dim=0).values).abs().mean()
    )
