"""Ground truth of a table, unknown to a search: its front by median qualities."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from replaying import Table

from gansearch.ranking.pareto import hypervolume

Point = tuple[float, float]


@dataclass(frozen=True)
class Truth:
    """Front of a table, and its smallest stable candidate.

    The quality of a candidate is the median over its seeds, so a search is not rewarded for having
    met a lucky run.
    """

    table: Table
    tolerance: float
    """Share by which the median of a stable candidate may be worse than the baseline's."""

    def quality(self, number: int) -> float:
        """Return the median quality over all seeds of a candidate; less is better."""
        return statistics.median(run.cost for run in self.table.seeds(number))

    def is_healthy(self, number: int) -> bool:
        """Return True if more than half of its seeds end well."""
        runs = self.table.seeds(number)
        return 2 * sum(run.ends_well for run in runs) > len(runs)

    def is_stable(self, number: int) -> bool:
        """Return True if every seed ends well, of several."""
        runs = self.table.seeds(number)
        return len(runs) > 1 and all(run.ends_well for run in runs)

    @cached_property
    def points(self) -> dict[int, Point]:
        """log10 of the size, and the quality, of every healthy candidate."""
        return {
            number: (math.log10(run.size), self.quality(number))
            for number, run in self.table.first.items()
            if self.is_healthy(number)
        }

    @cached_property
    def reference(self) -> Point:
        """Reference point of `gansearch pareto`: the baseline's size and twice its quality."""
        return math.log10(self.table.first[0].size), 2 * self.quality(0)

    def volume(self, numbers: Iterable[int]) -> float:
        """Return the hypervolume of some candidates, as a share of that of the whole table."""
        points = [self.points[number] for number in numbers if number in self.points]
        return hypervolume(points, self.reference) / self._whole

    @cached_property
    def _whole(self) -> float:
        return hypervolume([*self.points.values()], self.reference)

    @cached_property
    def front(self) -> frozenset[int]:
        """Healthy candidates, better than the reference, that no other dominates."""
        inside = {
            n: p
            for n, p in self.points.items()
            if p[0] <= self.reference[0] and p[1] < self.reference[1]
        }
        return frozenset(
            n
            for n, p in inside.items()
            if not any(_dominates(other, p) for other in inside.values())
        )

    @cached_property
    def stable(self) -> frozenset[int]:
        """Candidates that end well with each of several seeds, with a median within tolerance."""
        limit = (1 + self.tolerance) * self.quality(0)
        return frozenset(
            n for n in self.table.first if self.is_stable(n) and self.quality(n) <= limit
        )

    @cached_property
    def smallest(self) -> int:
        """Smallest stable candidate."""
        return min(self.stable, key=lambda n: self.table.first[n].size)


def _dominates(one: Point, other: Point) -> bool:
    return one != other and one[0] <= other[0] and one[1] <= other[1]
