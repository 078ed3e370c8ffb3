"""Trade-off along a front: its knee, and the quality that each step down in size costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gansearch.ranking.pareto import Front, Objective, objective_point
from gansearch.trial_record import TrialRecord

MIN_BEND = 1e-9
"""Smallest distance below the chord, in normalised units, that is not a rounding error."""


@dataclass(frozen=True)
class StepDown:
    """Change from a trial of the front to the next smaller one."""

    start: int
    """Number of the larger trial."""
    size: float | None
    """Change of the size as a share of the larger trial's; None where that is 0."""
    quality: float | None
    """Change of the quality as a share of the larger trial's magnitude; None where that is 0."""
    within_noise: bool
    """True if the quality is no worse than two seeds of one candidate differ."""

    def to_json(self) -> dict[str, Any]:
        return {
            "from": self.start,
            "size": self.size,
            "quality": self.quality,
            "within_noise": self.within_noise,
        }


def knee_of(front: Front) -> TrialRecord | None:
    """Return the trial of a two-objective front farthest below the chord between its ends.

    Objectives are normalised, each from 0 at one end of the front to 1 at the other, sizes on a
    logarithmic scale (Das 1999, "On characterizing the `knee' of the Pareto curve based on
    Normal-Boundary Intersection"; Branke et al. 2004, "Finding knees in multi-objective
    optimization"). None where no trial lies below the chord, as with fewer than three.
    """
    points = [objective_point(record, front.objectives) for record in front.trials]
    finite = all(math.isfinite(coordinate) for point in points for coordinate in point)
    if len(front.objectives) != 2 or len(points) < 3 or not finite:
        return None
    (left, top), (right, bottom) = points[0], points[-1]
    if left == right or top == bottom:
        return None
    bends = [1 - (x - left) / (right - left) - (y - bottom) / (top - bottom) for x, y in points]
    largest = max(bends)
    return front.trials[bends.index(largest)] if largest > MIN_BEND else None


def steps_down(
    front: Front, size: Objective, quality: Objective | None, noise: float
) -> dict[int, StepDown]:
    """Compute the cost of each step down in size, by the number of the smaller trial.

    Empty where the front lacks a size or a quality.

    Args:
        front: the front, which is walked from its largest to its smallest trial.
        size: the objective along which the steps go down.
        quality: the objective that they cost.
        noise: the relative difference of the quality that two seeds of one candidate may show.
    """
    if quality is None or not {size, quality} <= {*front.objectives}:
        return {}
    by_size = sorted(
        front.trials, key=lambda record: (size.cost(size.value(record)), record.number)
    )
    steps: dict[int, StepDown] = {}
    for small, large in pairwise(by_size):
        before, after = quality.value(large), quality.value(small)
        steps[small.number] = StepDown(
            large.number,
            _relative_change(size.value(large), size.value(small)),
            _relative_change(before, after),
            within_noise=quality.cost(after) <= quality.cost(quality.limit(before, noise)),
        )
    return steps


def _relative_change(before: float, after: float) -> float | None:
    return (after - before) / abs(before) if before else None
