"""Exponential moving average (EMA) of a network's weights."""

from __future__ import annotations

from copy import deepcopy
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

PREFIX = "module."
"""Prefix of the network's names in a state, as in torch's `AveragedModel`."""


class EMA:
    """Exponential moving average of a network's weights and running statistics.

    It equals torch's `AveragedModel` bit for bit and loads its states. `AveragedModel` copies a
    counter from the host to the device at every step, and so waits for the device.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = deepcopy(network)
        self._decay = decay
        self._started = False
        self._pairs = list(zip(_tensors(self.network), _tensors(network), strict=True))

    @torch.no_grad()
    def update(self) -> None:
        """Move the average one step towards the network; the first update copies it."""
        if not self._started:
            for average, value in self._pairs:
                average.copy_(value)
            self._started = True
            return
        floats = [pair for pair in self._pairs if pair[0].is_floating_point()]
        averages, values = [average for average, _ in floats], [value for _, value in floats]
        torch._foreach_lerp_(averages, values, 1 - self._decay)
        for average, value in self._pairs:
            if not average.is_floating_point():
                average.copy_(average * self._decay + value * (1 - self._decay))

    def state_dict(self) -> dict[str, Any]:
        state = self.network.state_dict()
        averaged = torch.tensor(int(self._started), device="cpu")
        return {PREFIX + name: value for name, value in state.items()} | {"n_averaged": averaged}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._started = bool(state["n_averaged"])
        own = {name: value for name, value in state.items() if name.startswith(PREFIX)}
        self.network.load_state_dict({name.removeprefix(PREFIX): own[name] for name in own})


def _tensors(network: nn.Module) -> list[Tensor]:
    return [value.detach() for value in chain(network.parameters(), network.buffers())]
