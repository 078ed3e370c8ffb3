"""Modes of a mixture in the plane, counted as PacGAN does (Lin et al. 2018, arXiv:1712.04086)."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor

from gansearch.components import Evidence, SampleMetric

REACH = 3.0
"""Standard deviations from its centre within which a sample belongs to a mode."""


def membership(samples: Tensor, centres: Tensor, std: float) -> Tensor:
    """Return a mask (N, modes) of samples (N, 2, 1, 1) that belong to centres (modes, 2)."""
    return torch.cdist(samples.flatten(1).double(), centres.double()) <= REACH * std


class _OfMixture(SampleMetric):
    direction: ClassVar[Literal["minimize", "maximize"]] = "maximize"

    def measure(self, evidence: Evidence) -> float:
        data = evidence.data
        if data.modes is None or data.mode_std is None:
            return math.nan
        centres = torch.from_numpy(data.modes).to(evidence.fake.device)
        return self.of(membership(evidence.fake, centres, data.mode_std))

    @abstractmethod
    def of(self, belongs: Tensor) -> float:
        """Return the figure for memberships (N, modes)."""


class Modes(_OfMixture):
    """Number of modes with at least one generated sample."""

    def of(self, belongs: Tensor) -> float:
        return float(belongs.any(dim=0).sum())


class HighQuality(_OfMixture):
    """Percentage of generated samples that belong to a mode."""

    def of(self, belongs: Tensor) -> float:
        return 100 * float(belongs.any(dim=1).double().mean())
