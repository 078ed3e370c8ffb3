"""What an autoencoder makes of its inputs, in pixels; NaN for a generator of latents, which has none."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor

from gansearch.components import Evidence, SampleMetric

COMPARED = 500
"""Samples that are compared with each other: the first ones."""


class _OfInputs(SampleMetric):
    """A figure of outputs beside their inputs."""

    direction: ClassVar[Literal["minimize", "maximize"]] = "maximize"

    def measure(self, evidence: Evidence) -> float:
        inputs = evidence.inputs
        if inputs is None:
            return math.nan
        white = 255 if evidence.data.is_image else 1
        x, y = (samples.flatten(1).float() / white for samples in (inputs, evidence.fake))
        return self.compare(x, y)

    @abstractmethod
    def compare(self, inputs: Tensor, outputs: Tensor) -> float:
        """The figure for inputs and outputs (N, pixels), black 0 and white 1."""


class ReconstructionError(_OfInputs):
    """Mean squared error between inputs and outputs, black being 0 and white 1."""

    direction: ClassVar[Literal["minimize", "maximize"]] = "minimize"

    def compare(self, inputs: Tensor, outputs: Tensor) -> float:
        return float((inputs - outputs).square().mean())


class OutputDiversity(_OfInputs):
    """Mean distance between two outputs over that between their inputs: 0 where all inputs give the same."""

    def compare(self, inputs: Tensor, outputs: Tensor) -> float:
        between_inputs, between_outputs = (
            torch.pdist(samples[:COMPARED]).mean() for samples in (inputs, outputs)
        )
        return float(between_outputs / between_inputs)


class InputOutputRelation(_OfInputs):
    """Share of outputs that are nearest to their own input: 1, or 1/N where they have nothing to do with it.

    N is the number of samples compared, 500 or as many as there are.
    """

    def compare(self, inputs: Tensor, outputs: Tensor) -> float:
        distances = torch.cdist(
            outputs[:COMPARED], inputs[:COMPARED], compute_mode="donot_use_mm_for_euclid_dist"
        )
        own = torch.arange(len(distances), device=distances.device)
        return float((distances.argmin(dim=1) == own).float().mean())
