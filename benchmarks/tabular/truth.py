"""Ground truth of the table, unknown to a search: its front and its smallest stable candidate."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from replaying import Run, Table

from gansearch.ranking.pareto import hypervolume

Point = tuple[float, float]


@dataclass(frozen=True)
class Truth:
    """Front and smallest stable candidate of a table."""

    table: Table
    tolerance: float
    """Share by which the median MMD of a stable candidate may be worse than the baseline's."""

    @staticmethod
    def point(run: Run) -> Point:
        """Return log10 of the size, and the MMD at the end."""
        return math.log10(run.sizes["generator_params"]), run.final["mmd"]

    @cached_property
    def reference(self) -> Point:
        """Reference point of `gansearch pareto`: the baseline's size and twice its MMD."""
        size, mmd = self.point(self.table.first[0])
        return size, 2 * mmd

    def volume(self, runs: Sequence[Run]) -> float:
        """Return the hypervolume of the runs that end well."""
        return hypervolume([self.point(run) for run in runs if run.ends_well], self.reference)

    @cached_property
    def whole(self) -> float:
        """Hypervolume of the whole table."""
        return self.volume(list(self.table.first.values()))

    @cached_property
    def front(self) -> frozenset[int]:
        """Candidates that end well, better than the reference, and that no other dominates."""
        points = {n: self.point(run) for n, run in self.table.first.items() if run.ends_well}
        inside = {
            n: p
            for n, p in points.items()
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
        several = max(len(self.table.seeds(n)) for n in self.table.first)
        limit = (1 + self.tolerance) * self.median_mmd(0)
        known = [
            n for n in self.table.first if len(self.table.seeds(n)) == several and self.is_stable(n)
        ]
        return frozenset(n for n in known if self.median_mmd(n) <= limit)

    @cached_property
    def smallest(self) -> int:
        """Smallest stable candidate."""
        return min(self.stable, key=lambda n: self.table.first[n].sizes["generator_params"])

    def is_stable(self, number: int) -> bool:
        """Return True if every seed ends well."""
        return all(run.ends_well for run in self.table.seeds(number))

    def median_mmd(self, number: int) -> float:
        """Return the median MMD over all seeds of a candidate."""
        return statistics.median(run.final["mmd"] for run in self.table.seeds(number))


def _dominates(one: Point, other: Point) -> bool:
    return one != other and one[0] <= other[0] and one[1] <= other[1]
