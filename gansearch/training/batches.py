"""Training samples that stay on the device as stored and become batches there."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gansearch.components import Data


class BatchSampler:
    """Sampler of batches, epoch by epoch, without replacement within an epoch."""

    def __init__(self, data: Data, device: torch.device) -> None:
        self._data = data
        samples, self._device = torch.from_numpy(data.train.samples), device
        # Samples that are mapped from files are too many for memory, a device's included.
        mapped = isinstance(data.train.samples, np.memmap) and device.type != "meta"
        self._samples = samples if mapped else samples.to(device)
        self._order = torch.empty(0, dtype=torch.long, device=device)
        self.drawn = 0
        """Number of samples drawn so far."""

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def remaining(self) -> int:
        """Number of samples that can be drawn before the next shuffle."""
        return len(self._order)

    def draw(self, count: int) -> Tensor:
        """Draw samples (count, C, H, W), float32 in the networks' range of values."""
        return self.gather(self.draw_indices(count))

    def draw_indices(self, count: int) -> Tensor:
        """Draw the indices (count,) of the next samples."""
        while len(self._order) < count:
            epoch = torch.randperm(len(self._samples), device=self._order.device)
            self._order = torch.cat([self._order, epoch])
        indices, self._order = self._order[:count], self._order[count:]
        self.drawn += count
        return indices

    def gather(self, indices: Tensor) -> Tensor:
        """Return the samples (N, C, H, W) at indices (N,), float32 in the networks' range.

        With `dataset.flip` each is mirrored with a probability of 1/2.
        """
        stored = self._samples[indices.to(self._samples.device)].to(self._device)
        samples = self._data.to_range(stored)
        if not self._data.flip:
            return samples
        mirrored = torch.rand(len(samples), 1, 1, 1, device=samples.device) < 0.5
        return torch.where(mirrored, samples.flip(3), samples)

    def test_samples(self, count: int) -> Tensor:
        """Return the first test samples, at most `count`, in the networks' range of values."""
        samples = torch.from_numpy(self._data.test.samples[:count])
        return self._data.to_range(samples.to(self._device))

    def state_dict(self) -> dict[str, Any]:
        return {"order": self._order.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._order = state["order"].to(self._order.device)


class StaticBatch:
    """Samples of one step at fixed addresses, so that a captured step can read them."""

    def __init__(self, batches: BatchSampler, size: int) -> None:
        self._batches = batches
        self._indices = batches.draw_indices(size).clone()
        self._position = 0

    def __len__(self) -> int:
        return len(self._indices)

    def fill(self) -> None:
        """Draw the indices of the next step in place."""
        self._indices.copy_(self._batches.draw_indices(len(self)))

    def rewind(self) -> None:
        """Start reading from the first sample again."""
        self._position = 0

    def draw(self, count: int) -> Tensor:
        """Return the next samples (count, C, H, W) of the step, as `BatchSampler.draw` does."""
        begin, self._position = self._position, self._position + count
        return self._batches.gather(self._indices[begin : self._position])
