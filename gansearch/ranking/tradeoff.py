"""What a front trades: where it bends most, and what each step down in size costs in quality."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gansearch.ranking.pareto import Front, Objective, objective_point
from gansearch.trial_record import TrialRecord

LEAST_BEND = 1e-9
"""Distance below the chord, in lengths of the axes, from which it is more than a rounding error."""


@dataclass(frozen=True)
class StepDown:
    """From a trial of the front to the next smaller one."""

    start: int
    """The number of the larger trial."""
    size: float | None
    """Change of the size as a share of the larger trial's; None where that has none."""
    quality: float | None
    """Change of the quality's value as a share of its magnitude at the larger trial; None at 0."""
    within_noise: bool
    """Whether the quality is no worse than two seeds of one candidate differ."""

    def to_json(self) -> dict[str, Any]:
        return {
            "from": self.start,
            "size": self.size,
            "quality": self.quality,
            "within_noise": self.within_noise,
        }


def knee_of(front: Front) -> TrialRecord | None:
    """The trial of a front of two axes that lies farthest below the chord between the front's ends.

    Distances are those of the normalised axes, each from 0 at one end to 1 at the other, sizes on a
    logarithmic scale (Das 1999, "On characterizing the `knee' of the Pareto curve based on
    Normal-Boundary Intersection"; Branke et al. 2004, "Finding knees in multi-objective optimization").
    None where no trial lies below the chord, as with fewer than three.
    """
    points = [objective_point(record, front.axes) for record in front.trials]
    if len(front.axes) != 2 or len(points) < 3 or not all(map(math.isfinite, sum(points, ()))):
        return None
    (left, top), (right, bottom) = points[0], points[-1]
    if left == right or top == bottom:
        return None
    bends = [1 - (x - left) / (right - left) - (y - bottom) / (top - bottom) for x, y in points]
    most = max(bends)
    return front.trials[bends.index(most)] if most > LEAST_BEND else None


def steps_down(
    front: Front, size: Objective, quality: Objective | None, noise: float
) -> dict[int, StepDown]:
    """What each step costs, by the number of the smaller trial; nothing where the front lacks a size or a quality.

    Args:
        front: whose trials are gone through from the largest to the smallest.
        size: along which the steps go down.
        quality: what they cost.
        noise: relative difference of the quality that two seeds of one candidate may show.
    """
    if quality is None or not {size, quality} <= {*front.axes}:
        return {}
    by_size = sorted(
        front.trials, key=lambda record: (size.cost(size.value(record)), record.number)
    )
    return {
        small.number: _step(large, small, size, quality, noise)
        for small, large in pairwise(by_size)
    }


def _step(
    large: TrialRecord, small: TrialRecord, size: Objective, quality: Objective, noise: float
) -> StepDown:
    before, after = quality.value(large), quality.value(small)
    return StepDown(
        large.number,
        _change(size.value(large), size.value(small)),
        _change(before, after),
        quality.cost(after) <= quality.cost(quality.limit(before, noise)),
    )


def _change(before: float, after: float) -> float | None:
    return (after - before) / abs(before) if before else None
