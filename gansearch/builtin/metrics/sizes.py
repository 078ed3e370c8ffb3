"""Sizes: what a network weighs and costs, known before it is trained.

Everything here works on the meta device, where a network has shapes and no memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from gansearch.components import SizeMetric


class Counts(NamedTuple):
    """Numbers of parameters as Keras counts them.

    Buffers of floating-point numbers, such as the running mean and variance of a BatchNorm or the
    vectors of a spectral norm, are non-trainable parameters; counters of whole numbers are none.
    """

    total: int
    trainable: int

    @property
    def non_trainable(self) -> int:
        return self.total - self.trainable


def count_parameters(module: nn.Module, *, recurse: bool = True) -> Counts:
    """Count a module's parameters; `recurse=False` leaves out those of its children.

    A tensor that several layers share is counted once.
    """
    parameters = list(module.parameters(recurse))
    buffers = [buffer for buffer in module.buffers(recurse) if buffer.is_floating_point()]
    return Counts(
        total=_numel([*parameters, *buffers]),
        trainable=_numel(parameter for parameter in parameters if parameter.requires_grad),
    )


def _numel(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)


def count_macs(module: nn.Module, *inputs: Tensor) -> int:
    """Multiply-accumulates of one forward pass in evaluation mode.

    Counts matrix products and convolutions, half of PyTorch's count of floating-point operations.
    """
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            module(*inputs)
    finally:
        module.train(was_training)
    flops: int = counter.get_total_flops()
    return flops // 2


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
        return count_macs(generator, inputs)


class DiscriminatorMACs(SizeMetric):
    """Multiply-accumulates that the discriminator needs for one sample."""

    def count(self, generator: nn.Module, discriminator: nn.Module, inputs: Tensor) -> float:
        was_training = generator.training
        with torch.no_grad():
            samples = generator.eval()(inputs)
        generator.train(was_training)
        many = samples.expand(
            64, *samples.shape[1:]
        )  # for a discriminator may judge several together
        return count_macs(discriminator, many) / len(many)


class GeneratorBytes(SizeMetric):
    """Bytes of the generator's parameters and buffers as it is trained, in fp32."""

    def count(self, generator: nn.Module, discriminator: nn.Module, inputs: Tensor) -> float:
        return sum(
            tensor.numel() * tensor.element_size()
            for tensor in (*generator.parameters(), *generator.buffers())
        )


class WeightRatio(SizeMetric):
    """Trainable weights of the discriminator over those of the generator."""

    def count(self, generator: nn.Module, discriminator: nn.Module, inputs: Tensor) -> float:
        return count_parameters(discriminator).trainable / count_parameters(generator).trainable
