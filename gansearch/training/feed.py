"""Training samples, kept on the device as they are stored and turned into batches there."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gansearch.components import Data


class Feed:
    """Draws batches epoch by epoch, without replacement within an epoch."""

    def __init__(self, data: Data, device: torch.device) -> None:
        self._data = data
        self._samples = torch.from_numpy(data.train.samples).to(device)
        self._order = torch.empty(0, dtype=torch.long, device=device)

    def __len__(self) -> int:
        return len(self._samples)

    def draw(self, count: int) -> Tensor:
        """The next samples, (count, C, H, W) float32 in the networks' range of values."""
        while len(self._order) < count:
            fresh = torch.randperm(len(self._samples), device=self._order.device)
            self._order = torch.cat([self._order, fresh])
        chosen, self._order = self._order[:count], self._order[count:]
        return self._data.to_range(self._samples[chosen])

    def held_out(self, count: int) -> Tensor:
        """The first test samples, at most `count`, in the networks' range of values."""
        return self._data.to_range(torch.from_numpy(self._data.test.samples[:count]).to(self._samples.device))

    def state_dict(self) -> dict[str, Any]:
        return {"order": self._order.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._order = state["order"].to(self._order.device)
