"""The average of a network over its training, which is judged in its place."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

PREFIX = "module."
"""Of the network's names in a state, as torch's `AveragedModel` has it."""


class Average:
    """The exponential moving average of a network's weights and statistics.

    It comes to what torch's `AveragedModel` does, bit for bit, and loads its states. That one copies a counter from
    the host to the device at every step, and waits for it.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = deepcopy(network)
        self._decay = decay
        self._begun = False
        self._pairs = list(zip(_values(self.network), _values(network), strict=True))

    @torch.no_grad()
    def follow(self) -> None:
        """Take a step towards the network; the first one arrives there."""
        if not self._begun:
            for own, theirs in self._pairs:
                own.copy_(theirs)
            self._begun = True
            return
        floats = [pair for pair in self._pairs if pair[0].is_floating_point()]
        torch._foreach_lerp_(
            [own for own, _ in floats], [theirs for _, theirs in floats], 1 - self._decay
        )
        for own, theirs in self._pairs:
            if not own.is_floating_point():
                own.copy_(own * self._decay + theirs * (1 - self._decay))

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = {
            PREFIX + name: value for name, value in self.network.state_dict().items()
        }
        return state | {"n_averaged": torch.tensor(int(self._begun), device="cpu")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._begun = bool(state["n_averaged"])
        self.network.load_state_dict(
            {
                name.removeprefix(PREFIX): value
                for name, value in state.items()
                if name.startswith(PREFIX)
            }
        )


def _values(network: nn.Module) -> Iterator[Tensor]:
    return (value.detach() for value in chain(network.parameters(), network.buffers()))
