"""Metrics: size and cost of the networks, known before training."""

from __future__ import annotations

from torch import Tensor, nn

from gansearch.components import SizeMetric
from gansearch.evaluation.counting import (
    count_bytes,
    count_forward,
    count_macs_per_sample,
    count_parameters,
)


class GeneratorParams(SizeMetric):
    """Parameters of the generator, running statistics included."""

    def count(self, generator: nn.Module, discriminator: nn.Module, inputs: Tensor) -> float:
        return count_parameters(generator).total


class DiscriminatorParams(SizeMetric):
    """Parameters of the discriminator, running statistics included."""

    def count(self, generator: nn.Module, discriminator: nn.Module, inputs: Tensor) -> float:
        return count_parameters(discriminator).total


class GeneratorMACs(SizeMetric):
    """Multiply-accumulates that the generator needs for one sample."""

    def count(self, generator: nn.Module, discriminator: nn.Module, inputs: Tensor) -> float:
        return count_forward(generator, inputs).macs


class DiscriminatorMACs(SizeMetric):
    """Multiply-accumulates that the discriminator needs for one sample."""

    def count(self, generator: nn.Module, discriminator: nn.Module, inputs: Tensor) -> float:
        return count_macs_per_sample(discriminator, count_forward(generator, inputs).output)


class GeneratorBytes(SizeMetric):
    """Bytes of the generator's parameters and buffers as it is trained, in fp32."""

    def count(self, generator: nn.Module, discriminator: nn.Module, inputs: Tensor) -> float:
        return count_bytes(generator)


class GeneratorPeakBytes(SizeMetric):
    """Bytes that the generator needs at once for one sample: weights, inputs and activations.

    What a kernel or an allocator takes beside its tensors is not counted.
    """

    def count(self, generator: nn.Module, discriminator: nn.Module, inputs: Tensor) -> float:
        return count_forward(generator, inputs).peak_bytes


class WeightRatio(SizeMetric):
    """Trainable weights of the discriminator over those of the generator."""

    def count(self, generator: nn.Module, discriminator: nn.Module, inputs: Tensor) -> float:
        return count_parameters(discriminator).trainable / count_parameters(generator).trainable
