"""Layers that let distant parts of a network, or of its maps, act on each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d


class SelfAttention(nn.Module):
    """Self-attention between the pixels of a map (SAGAN, Zhang et al. 2019, arXiv:1805.08318).

    (N, C, H, W) to the same shape. Keys and values are pooled to half the height and width. The
    result is added with a weight that starts at zero.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, max(1, channels // 8), 1, bias=False)
        self.key = nn.Conv2d(channels, max(1, channels // 8), 1, bias=False)
        self.value = nn.Conv2d(channels, max(1, channels // 2), 1, bias=False)
        self.output = nn.Conv2d(max(1, channels // 2), channels, 1, bias=False)
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, maps: Tensor) -> Tensor:
        pooled = [max_pool2d(layer(maps), 2, ceil_mode=True) for layer in (self.key, self.value)]
        key, value = (part.flatten(2) for part in pooled)
        # Spelt out: torch's own attention has no second derivative, which R1 and R2 need.
        shares = torch.softmax(self.query(maps).flatten(2).transpose(1, 2) @ key, dim=2)
        attended = torch.unflatten(value @ shares.transpose(1, 2), 2, maps.shape[2:])
        result: Tensor = maps + self.weight * self.output(attended)
        return result


class SkipExcitation(nn.Module):
    """Gates (N, high, 1, 1) for the channels of a large map, from a small map (N, low, H, W).

    Skip-layer excitation of FastGAN (Liu et al. 2021, arXiv:2101.04775, section 3.1).
    """

    def __init__(self, low: int, high: int) -> None:
        super().__init__()
        self.gates = nn.Sequential(
            nn.AdaptiveAvgPool2d(4),
            nn.Conv2d(low, high, 4),
            nn.SiLU(inplace=True),
            nn.Conv2d(high, high, 1),
            nn.Sigmoid(),
        )

    def forward(self, small: Tensor) -> Tensor:
        gates: Tensor = self.gates(small)
        return gates


class ExcitedLevels(nn.Module):
    """Levels of a generator; each map is gated by that of four levels before (FastGAN).

    Of four levels or fewer, the last one is gated by the map that the first one begins with.
    """

    distance = 4

    def __init__(self, levels: list[nn.Module], widths: list[int]) -> None:
        """Create the module.

        Args:
            levels: the levels, each from a map to a larger one.
            widths: channels of the first map and of those after each level.
        """
        super().__init__()
        self.levels = nn.ModuleList(levels)
        self._distance = min(self.distance, len(levels))
        gated = range(self._distance, len(widths))
        self.gates = nn.ModuleList(
            SkipExcitation(widths[i - self._distance], widths[i]) for i in gated
        )

    def forward(self, maps: Tensor) -> Tensor:
        earlier = [maps]
        for i, level in enumerate(self.levels, start=1):
            maps = level(maps)
            if i >= self._distance:
                maps = maps * self.gates[i - self._distance](earlier[i - self._distance])
            earlier.append(maps)
        return maps
