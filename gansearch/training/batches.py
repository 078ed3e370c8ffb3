"""Training samples, kept on the device as they are stored and turned into batches there."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gansearch.components import Data


class BatchSampler:
    """Draws batches epoch by epoch, without replacement within an epoch."""

    def __init__(self, data: Data, device: torch.device) -> None:
        self._data = data
        samples, self._device = torch.from_numpy(data.train.samples), device
        # Samples that are mapped from files are too many for memory, a device's included.
        mapped = isinstance(data.train.samples, np.memmap) and device.type != "meta"
        self._samples = samples if mapped else samples.to(device)
        self._order = torch.empty(0, dtype=torch.long, device=device)
        self.drawn = 0
        """Samples so far."""

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def left(self) -> int:
        """Samples before it has to shuffle again."""
        return len(self._order)

    def draw(self, count: int) -> Tensor:
        """The next samples, (count, C, H, W) float32 in the networks' range of values."""
        return self.samples(self.choose(count))

    def choose(self, count: int) -> Tensor:
        """Which the next samples are: their indices (count,)."""
        while len(self._order) < count:
            fresh = torch.randperm(len(self._samples), device=self._order.device)
            self._order = torch.cat([self._order, fresh])
        chosen, self._order = self._order[:count], self._order[count:]
        self.drawn += count
        return chosen

    def samples(self, chosen: Tensor) -> Tensor:
        """The samples (N, C, H, W) of these indices (N,), float32 in the networks' range of values."""
        stored = self._samples[chosen.to(self._samples.device)].to(self._device)
        samples = self._data.to_range(stored)
        if not self._data.flip:
            return samples
        mirrored = torch.rand(len(samples), 1, 1, 1, device=samples.device) < 0.5
        return torch.where(mirrored, samples.flip(3), samples)

    def held_out(self, count: int) -> Tensor:
        """The first test samples, at most `count`, in the networks' range of values."""
        return self._data.to_range(
            torch.from_numpy(self._data.test.samples[:count]).to(self._device)
        )

    def state_dict(self) -> dict[str, Any]:
        return {"order": self._order.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._order = state["order"].to(self._order.device)


class StaticBatch:
    """The samples of one step, chosen before it begins; what is drawn lies at the same address in every step."""

    def __init__(self, feed: BatchSampler, size: int) -> None:
        self._feed = feed
        self._chosen = feed.choose(size).clone()
        self._taken = 0

    def __len__(self) -> int:
        return len(self._chosen)

    def fill(self) -> None:
        """Choose the next step's samples."""
        self._chosen.copy_(self._feed.choose(len(self)))

    def rewind(self) -> None:
        """Begin a step with what lies there."""
        self._taken = 0

    def draw(self, count: int) -> Tensor:
        """As a feed does."""
        begin, self._taken = self._taken, self._taken + count
        return self._feed.samples(self._chosen[begin : self._taken])
