"""Diversity and sharpness of 8-bit images, measured in pixels."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

NEAR = 300 / 28
"""Root mean square difference, in 8-bit levels a pixel, below which two images are nearly the same.

It stands for a Euclidean distance of 300 between grey images of 28x28.
"""
COMPARED = 500
"""Samples of which all pairs are compared."""


def near_duplicate_rate(images: Tensor, near: float = NEAR) -> float:
    """Share of pairs that are nearly the same, among the first samples (N, C, H, W).

    NaN for anything but uint8 images, and for fewer than two.
    """
    if images.dtype != torch.uint8 or len(images) < 2:
        return math.nan
    pixels = images[:COMPARED].flatten(1).float()
    distances = functional.pdist(pixels) / math.sqrt(pixels.shape[1])
    return float((distances < near).double().mean())


def laplacian_variance(images: Tensor) -> float:
    """Mean over images (N, C, H, W), uint8, of the variance of their Laplacian: low where blurred.

    Source: Pech-Pacheco et al. 2000, doi:10.1109/ICPR.2000.903548.
    """
    grey = images.float().mean(dim=1, keepdim=True)
    kernel = grey.new_tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
    edges = functional.conv2d(grey, kernel.expand(1, 1, 3, 3))
    return float(edges.flatten(1).var(dim=1, correction=0).mean())
