"""Layers as plugins write them, which an export must write down or refuse."""

from __future__ import annotations

import math
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import numpy
import torch
import torch.nn.functional as F
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

SLOPE = 0.3


class Size(NamedTuple):
    height: int
    width: int

    @property
    def area(self) -> int:
        return self.height * self.width


class Mode(Enum):
    ADD = "add"
    MULTIPLY = "multiply"


def leak(maps: Tensor) -> Tensor:
    """Use a constant and an import of the module."""
    return F.leaky_relu(maps, SLOPE)


class Residual(nn.Module):
    """A layer of layers, built from a number that it does not keep."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(width, width), nn.Tanh())
        self.gain = nn.Parameter(torch.full((1, width), 0.5))
        self.mode = Mode.ADD

    # The comment stays.
    def forward(self, units: Tensor) -> Tensor:
        update = leak(self.body(units)) * self.gain
        return units + update if self.mode is Mode.ADD else units * update


class Scaled(Residual):
    """A layer on top of another one, with constants in buffers of both kinds."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.register_buffer("scale", torch.linspace(1, 2, width))
        self.register_buffer("shift", torch.tensor([0.25]), persistent=False)
        self.size = Size(2, width // 2)

    def forward(self, units: Tensor) -> Tensor:
        return super().forward(units) * self.scale + self.shift * math.sqrt(self.size.area)


class GroupedLinear(nn.Linear):
    """A layer of torch whose weights are used in another way."""

    def forward(self, units: Tensor) -> Tensor:
        return F.linear(units, self.weight / self.in_features**0.5, self.bias)


class Branches(nn.Module):
    """Layers in a list and in a dictionary, a function as an attribute, and a missing layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.paths = nn.ModuleList([nn.Linear(width, width), GroupedLinear(width, width)])
        self.named = nn.ModuleDict({"last": nn.PReLU(width)})
        self.activation = torch.sigmoid
        self.norm = None
        self.register_parameter("bias", None)

    def forward(self, units: Tensor) -> Tensor:
        total = sum(path(units) for path in self.paths)
        return self.activation(self.named["last"](total))


class NeedsNumpy(nn.Module):
    def forward(self, units: Tensor) -> Tensor:
        return units * float(numpy.pi)


class KeepsAnObject(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.settings = object()

    def forward(self, units: Tensor) -> Tensor:
        return units


class BigTable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.zeros(1000), persistent=False)

    def forward(self, units: Tensor) -> Tensor:
        return units + self.table.sum()
