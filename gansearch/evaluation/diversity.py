"""Diversity and sharpness of 8-bit images, measured in pixels."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

COMPARED = 500
"""Samples of which all pairs are compared."""
NEAR_SHARE = 0.01
"""Share of real pairs that count as near: it defines the distance at which pairs are near."""
GRID = 8
"""Cells, per side, of the grid over which images are averaged to compare their coarse structure."""

LEVELS = 64
"""Shares of the pixels whose mean levels describe the histogram of an image."""


def pair_distances(images: Tensor) -> Tensor:
    """Return the root mean square difference, in levels, of all pairs of images (N, C, H, W).

    Of more than 500 images the first ones are compared.
    """
    pixels = images[:COMPARED].flatten(1).float()
    pixels = pixels - pixels.mean(dim=0)  # smaller numbers, so that less is lost below
    distances = torch.cdist(pixels, pixels, compute_mode="use_mm_for_euclid_dist")
    first, second = torch.triu_indices(len(pixels), len(pixels), offset=1, device=pixels.device)
    return distances[first, second] / math.sqrt(pixels.shape[1])


def coarse(images: Tensor) -> Tensor:
    """Average images (N, C, H, W) over a grid of 8x8 cells: structure without noise."""
    height, width = images.shape[2:]
    return functional.adaptive_avg_pool2d(images.float(), (min(GRID, height), min(GRID, width)))


def level_profiles(images: Tensor) -> Tensor:
    """Return the sorted grey levels (N, 64) of images (N, C, H, W), averaged over equal shares.

    The distance of two profiles is the Wasserstein-2 distance of the histograms of two images.
    """
    levels = images.float().mean(dim=1).flatten(1).sort(dim=1).values
    return functional.adaptive_avg_pool1d(levels[:, None], LEVELS)[:, 0]


def near_distance(real: Tensor) -> float:
    """Return the distance that 1 % of the pairs of real images (N, C, H, W) do not exceed."""
    return float(torch.quantile(pair_distances(real), NEAR_SHARE))


def near_duplicate_rate(images: Tensor, near: float) -> float:
    """Return the share of pairs of images (N, C, H, W) no farther apart than `near`, or NaN."""
    if len(images) < 2:
        return math.nan
    return float((pair_distances(images) <= near).double().mean())


def laplacian_variance(images: Tensor) -> float:
    """Return the mean variance of the Laplacian of images (N, C, H, W), uint8: low where blurred.

    Source: Pech-Pacheco et al. 2000, doi:10.1109/ICPR.2000.903548.
    """
    grey = images.float().mean(dim=1, keepdim=True)
    kernel = grey.new_tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
    edges = functional.conv2d(grey, kernel.expand(1, 1, 3, 3))
    return float(edges.flatten(1).var(dim=1, correction=0).mean())
