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


class ForwardCounts(NamedTuple):
    """Costs of one forward pass, and its result."""

    macs: int
    """Multiply-accumulates of matrix products and convolutions."""
    peak_bytes: int
    """Bytes of all tensors that are needed at once: parameters, buffers, inputs, and activations
    for as long as a layer needs them. Memory that kernels and allocators take beside the tensors is
    not counted."""
    output: Tensor


def count_forward(module: nn.Module, *inputs: Tensor) -> ForwardCounts:
    """Count what one forward pass in evaluation mode costs."""
    was_training, memory = module.training, PeakBytes(inputs[0].device)
    module.eval()
    try:
        with torch.no_grad(), memory, FlopCounterMode(display=False) as counter:
            for tensor in (*module.parameters(), *module.buffers(), *inputs):
                memory.follow(tensor)
            output = module(*inputs)
    finally:
        module.train(was_training)
    # PyTorch counts a multiplication and an addition as two operations.
    return ForwardCounts(counter.get_total_flops() // 2, memory.peak, output)


def count_bytes(module: nn.Module) -> int:
    """Return the bytes of all parameters and buffers."""
    return sum(
        tensor.numel() * tensor.element_size()
        for tensor in (*module.parameters(), *module.buffers())
    )


def count_macs_per_sample(discriminator: nn.Module, samples: Tensor) -> float:
    """Return the multiply-accumulates that the discriminator needs for one generated sample.

    Counted on 64 samples, since a discriminator may judge several samples together.
    """
    batch = samples.expand(64, *samples.shape[1:])
    return count_forward(discriminator, batch).macs / len(batch)


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
            counted = count_forward(generator, inputs)
            sizes["generator_macs"] = counted.macs
            sizes["generator_peak_bytes"] = counted.peak_bytes
            sizes["discriminator_macs"] = count_macs_per_sample(discriminator, counted.output)
        return sizes | {
            name: metric.count(generator, discriminator, inputs)
            for name, metric in self._metrics.items()
            if name not in sizes
        }
