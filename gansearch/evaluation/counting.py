"""Sizes and costs of networks, counted on the meta device, which needs no memory."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from gansearch.candidate import Candidate
from gansearch.components import ImageShape, Metric, SizeMetric
from gansearch.evaluation.live_memory import PeakBytes


class Counts(NamedTuple):
    """Numbers of parameters, counted as Keras does.

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
        total=sum(tensor.numel() for tensor in (*parameters, *buffers)),
        trainable=sum(tensor.numel() for tensor in parameters if tensor.requires_grad),
    )


def count_macs(module: nn.Module, *inputs: Tensor) -> int:
    """Count the multiply-accumulates of one forward pass in evaluation mode.

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


def count_bytes(module: nn.Module) -> int:
    """Return the bytes of all parameters and buffers."""
    return sum(
        tensor.numel() * tensor.element_size()
        for tensor in (*module.parameters(), *module.buffers())
    )


def count_peak_bytes(module: nn.Module, *inputs: Tensor) -> int:
    """Count the bytes of all tensors that one forward pass in evaluation mode needs at once.

    These are parameters, buffers, inputs, and activations for as long as a layer still needs them.
    Memory that kernels and allocators take beside the tensors is not counted.
    """
    was_training, memory = module.training, PeakBytes(inputs[0].device)
    module.eval()
    try:
        with torch.no_grad(), memory:
            for tensor in (*module.parameters(), *module.buffers(), *inputs):
                memory.follow(tensor)
            module(*inputs)
    finally:
        module.train(was_training)
    return memory.peak


def count_macs_per_sample(discriminator: nn.Module, generator: nn.Module, inputs: Tensor) -> float:
    """Return the multiply-accumulates that the discriminator needs for one generated sample.

    Counted on 64 samples, since a discriminator may judge several samples together.
    """
    was_training = generator.training
    with torch.no_grad():
        samples = generator.eval()(inputs)
    generator.train(was_training)
    batch = samples.expand(64, *samples.shape[1:])
    return count_macs(discriminator, batch) / len(batch)


class SizeCounter:
    """Count the networks of candidates for samples of one shape, each pair of networks once."""

    def __init__(self, shape: ImageShape, metrics: Mapping[str, Metric]) -> None:
        self._shape = shape
        self._metrics = {
            name: metric for name, metric in metrics.items() if isinstance(metric, SizeMetric)
        }
        self._known: dict[tuple[str, str], dict[str, float]] = {}

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Return parameters and costs of both networks, and the study's own sizes, by name.

        Raises:
            ValueError: when a network cannot be built for this shape.
        """
        # `repr` includes the names of the classes.
        networks = repr(candidate.generator), repr(candidate.discriminator)
        if networks not in self._known:
            self._known[networks] = self._count(candidate)
        return dict(self._known[networks])

    def _count(self, candidate: Candidate) -> dict[str, float]:
        with torch.device("meta"):
            generator, discriminator = candidate.networks(self._shape)
            inputs = torch.empty(1, *candidate.generator.input_shape(self._shape))
        sizes: dict[str, float] = {"generator_bytes": count_bytes(generator)}
        for role, network in (("generator", generator), ("discriminator", discriminator)):
            counts = count_parameters(network)
            sizes |= {f"{role}_params": counts.total, f"{role}_trainable": counts.trainable}
            sizes[f"{role}_non_trainable"] = counts.non_trainable
        # A network that looks at values has no forward pass on the meta device.
        with suppress(NotImplementedError, RuntimeError):
            sizes["generator_macs"] = count_macs(generator, inputs)
            sizes["discriminator_macs"] = count_macs_per_sample(discriminator, generator, inputs)
            sizes["generator_peak_bytes"] = count_peak_bytes(generator, inputs)
        return sizes | {
            name: metric.count(generator, discriminator, inputs)
            for name, metric in self._metrics.items()
        }
