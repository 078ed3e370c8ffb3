"""An objective: a metric, its direction and the arithmetic on its values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from gansearch.trial_record import TrialRecord

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class Objective:
    """A metric that trials are ranked by.

    >>> coverage = Objective("coverage", "maximize")
    >>> coverage.cost(0.5), coverage.limit(0.5, tolerance=0.1)
    (-0.5, 0.45)
    """

    metric: str
    direction: Direction
    is_size: bool = False
    """True for a size, which is known before training."""
    is_cost: bool = False
    """True for a cost such as a latency, which is measured on the trained generator."""

    @property
    def is_quality(self) -> bool:
        """True for a metric of the samples."""
        return not (self.is_size or self.is_cost)

    def value(self, record: TrialRecord) -> float:
        """Return the metric of a trial, or NaN where it was not measured."""
        return record.figures.get(self.metric, math.nan)

    def cost(self, value: float) -> float:
        """Return the value with its sign turned so that less is better."""
        return value if self.direction == "minimize" else -value

    def limit(self, value: float, tolerance: float) -> float:
        """Return the value that is worse by a share of its magnitude, whatever its sign."""
        return value + tolerance * abs(value) * (1 if self.direction == "minimize" else -1)

    @property
    def scale(self) -> Literal["log10", "linear"]:
        """Scale on which values are compared: sizes and costs by ratios; they span decades."""
        return "linear" if self.is_quality else "log10"

    def position(self, value: float) -> float:
        """Return the value on its scale, less being better; a size of 0 lies at infinity."""
        if self.scale == "log10":
            value = math.log10(value) if value > 0 else -math.inf
        return self.cost(value)

    def to_json(self) -> dict[str, Any]:
        """Return metric and direction, and whether it is a size or, more closely, a cost."""
        return {
            "metric": self.metric,
            "direction": self.direction,
            "size": not self.is_quality,
            "cost": self.is_cost,
        }
