"""Metrics of an autoencoder's outputs beside its inputs; NaN for a generator of latents."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor

from gansearch.components import Evidence, SampleMetric

COMPARED = 500
"""Number of samples, the first ones, that are compared with each other."""


class _OfInputs(SampleMetric):
    """Base of the metrics that compare outputs with inputs."""

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
        """Return the figure for inputs and outputs (N, pixels), black 0 and white 1."""


class ReconstructionError(_OfInputs):
    """Mean squared error between inputs and outputs, black being 0 and white 1."""

    direction: ClassVar[Literal["minimize", "maximize"]] = "minimize"

    def compare(self, inputs: Tensor, outputs: Tensor) -> float:
        return float((inputs - outputs).square().mean())


class OutputDiversity(_OfInputs):
    """Mean distance between two outputs relative to that of their inputs; 0 if all are the same."""

    def compare(self, inputs: Tensor, outputs: Tensor) -> float:
        between_inputs, between_outputs = (
            torch.pdist(samples[:COMPARED]).mean() for samples in (inputs, outputs)
        )
        return float(between_outputs / between_inputs)


class InputOutputRelation(_OfInputs):
    """Share of outputs whose nearest input is their own: 1, or 1/N for unrelated outputs.

    N is the number of samples compared, at most 500.
    """

    def compare(self, inputs: Tensor, outputs: Tensor) -> float:
        distances = torch.cdist(
            outputs[:COMPARED], inputs[:COMPARED], compute_mode="donot_use_mm_for_euclid_dist"
        )
        own = torch.arange(len(distances), device=distances.device)
        return float((distances.argmin(dim=1) == own).float().mean())
