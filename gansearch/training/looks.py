"""Looks of a run at which its quality is measured, and the generator of the best of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from torch import Tensor, nn


@dataclass
class Looks:
    """Cost of the samples at each look so far, with a copy of the best look's generator."""

    costs: dict[int, float] = field(default_factory=dict)
    """Cost of the quality by step, less being better; NaN where it could not be measured."""
    best: int | None = None
    """Step of the best look; None while no look has a finite cost."""
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    """State of the evaluated generator at the best look, on the CPU."""

    def add(self, step: int, cost: float, generator: nn.Module) -> None:
        """Take the cost at a look, and copy the generator if none before was as good."""
        self.costs[step] = cost
        if not math.isfinite(cost) or (self.best is not None and cost >= self.costs[self.best]):
            return
        self.best = step
        self.weights = {
            name: value.detach().to("cpu", copy=True)
            for name, value in generator.state_dict().items()
        }

    def state_dict(self) -> dict[str, Any]:
        return {"costs": self.costs, "best": self.best, "weights": dict(self.weights)}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(state["costs"], state["best"], state["weights"])
