"""Inheritance: a network begins with weights cut out of a larger one that was trained.

What is left of a layer are its leading filters. To leave those with the largest L1 norm, as is usual
for classifiers (Li et al. 2017, arXiv:1608.08710), the same ones would have to be left wherever else
a channel is read: in the norm behind it, in the next layer, in a branch beside. That is known of a
plain chain and not of a plugin's network; the leading ones are the same in all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from gansearch.layers import Maxout, ToMap, ToVector

Shapes = Mapping[str, Sequence[int]]
Groups = Mapping[int, int]
"""By dimension, into how many runs of channels it falls: a map laid flat pixel by pixel has one a pixel."""

FAN_IN_POWER = 1.0
"""Weights are multiplied by this power of how many times fewer inputs their layer has.

With 1 the outputs of the layers came nearest to the parent's, by far: behind a ReLU all inputs are
positive, and those that are cut off are missing from the sum with one sign. See benchmarks/inheritance.
"""


@dataclass(frozen=True)
class Heritage:
    """What a trained trial leaves to another one."""

    generator: Mapping[str, Any]
    """The state of the one that was judged."""
    discriminator: Mapping[str, Any] | None = None


def shapes_of(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor of a network's state."""
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def fits(child: Shapes, parent: Shapes) -> bool:
    """Whether a network can be cut out of another: the same tensors, none larger, with kernels of the same size."""
    return child.keys() == parent.keys() and all(
        len(own) == len(shape := parent[name])
        and all(a <= b for a, b in zip(own, shape, strict=True))
        and list(own[2:]) == list(shape[2:])
        for name, own in child.items()
    )


@torch.no_grad()
def inherit(network: nn.Module, parent: Mapping[str, Tensor], power: float = FAN_IN_POWER) -> None:
    """Give a network the weights and statistics of a larger one.

    Args:
        network: that begins.
        parent: state of one that it `fits` into.
        power: of the ratio of inputs that a layer's weights are multiplied by: 1 keeps the mean of
            what it gives, 1/2 the deviation of a sum of independent inputs.

    Raises:
        ValueError: when it does not fit.
    """
    if not fits(shapes_of(network.state_dict()), shapes_of(parent)):
        raise ValueError("the network does not fit into the one that it should inherit from")
    groups = _groups(network)
    for name, tensor in network.state_dict().items():
        layer = (
            name.partition(".parametrizations")[0]
            if ".parametrizations" in name
            else name.rpartition(".")[0]
        )
        tensor.copy_(_cut(parent[name], tensor.shape, groups.get(layer, {})))
    for name, layer in network.named_modules():
        if (
            isinstance(layer, (nn.Linear, _ConvNd))
            and (whole := parent.get(f"{name}.weight")) is not None
        ):
            inputs = 0 if isinstance(layer, _ConvTransposeNd) else 1
            layer.weight.mul_((whole.shape[inputs] / layer.weight.shape[inputs]) ** power)


def _cut(tensor: Tensor, shape: Sequence[int], groups: Groups) -> Tensor:
    """The leading part of each dimension, or of each group that it falls into."""
    for dimension, size in enumerate(shape):
        if tensor.shape[dimension] != size:
            count = groups.get(dimension, 1) if tensor.ndim > dimension else 1
            parts = torch.unflatten(tensor, dimension, (count, -1)).narrow(
                dimension + 1, 0, size // count
            )
            tensor = parts.flatten(dimension, dimension + 1)
    return tensor


def _groups(network: nn.Module) -> dict[str, Groups]:
    """By layer, where its channels do not lie one after the other: around a map that is laid flat, before a maximum."""
    groups: dict[str, Groups] = {}
    since_dense: list[str] = []
    channels, flat = 1, False
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Linear):
            if flat:
                groups[name] = {1: layer.in_features // channels}
            since_dense, flat = [name], False
        elif isinstance(layer, _BatchNorm):
            since_dense.append(name)
        elif isinstance(layer, _ConvNd):
            since_dense, channels = [], layer.out_channels
        elif isinstance(layer, (ToMap, Maxout)):
            count = layer.pieces if isinstance(layer, Maxout) else layer.size[0] * layer.size[1]
            groups |= {one: {**groups.get(one, {}), 0: count} for one in since_dense}
        elif isinstance(layer, ToVector):
            flat = True
    return groups
