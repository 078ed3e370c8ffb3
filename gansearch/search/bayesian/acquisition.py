"""Acquisition functions of the `shrink` sampler: expected gain of a candidate times P(healthy).

| symbol | code | meaning |
|---|---|---|
| x | `log_size` | log10 of a candidate's size, known before training |
| c | `cost` | log of its quality, less is better; predicted as normal(`mean`, `std`) |
| L(x) | `level(x)` | cost to beat at size x: the best one of the front at no larger size |
| z = (L - m) / s | `z` | margin by which the predicted cost beats L |
| EI(L) = (L - m) Phi(z) + s phi(z) | `gain(...)` | expected improvement of a cost |
| EHVI = sum of width_i EI(L_i) | `HypervolumeImprovement.gain` | over the steps i of the front |
| (x* - x)+ P(c <= limit) | `SizeReduction.gain` | size saved below the size to beat x* |

Since a size is known, the expected hypervolume improvement in the plane of log size and log quality
is a sum of one-dimensional expected improvements, one a step of the front. Sources: Emmerich,
Giannakoglou and Naujoks 2006, "Single- and multiobjective evolutionary optimization assisted by
Gaussian random field metamodels"; Jones et al. 1998, "Efficient Global Optimization of Expensive
Black-Box Functions", for the expected improvement.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
from scipy.special import ndtr  # scipy.stats would cost each command 0.8 s of CPU

from gansearch.ranking.pareto import Objective, pareto_front
from gansearch.search.bayesian.gaussian_process import Array
from gansearch.search.learning_curves import cost
from gansearch.search.smallest_model import SmallestModelGoal
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord


@dataclass(frozen=True)
class Goal:
    """Objectives that the search optimises, and what it knows of them beforehand."""

    size: Objective
    quality: Objective
    reference: Mapping[str, float]
    """Reference point that the study states, by metric."""
    min_healthy_trials: int
    """Healthy trials below which no run is extrapolated from a rung."""
    noise: float = 0.14
    """Relative standard deviation of the quality between two seeds of a candidate."""
    smallest: SmallestModelGoal | None = None
    """Goal of a search for the smallest model within tolerance; None for one of the whole front."""

    @classmethod
    def of(
        cls,
        spec: StudySpec,
        objectives: Sequence[Objective],
        smallest: SmallestModelGoal | None = None,
    ) -> Goal:
        """Return the goal of a study of one size and one quality."""
        size, quality = sorted(objectives, key=lambda objective: not objective.is_size)
        return cls(
            size,
            quality,
            spec.reference,
            spec.pruning.min_healthy_trials,
            spec.pruning.noise,
            smallest,
        )

    def log_size(self, record: TrialRecord) -> float:
        """Return log10 of a trial's size."""
        return math.log10(self.size.value(record))

    def acquisition(self, records: Sequence[TrialRecord]) -> Acquisition | None:
        """Return the acquisition function given these trials; None while no trial is healthy."""
        improvement = HypervolumeImprovement.of(records, self)
        if improvement is None or self.smallest is None:
            return improvement
        return SizeReduction.of(improvement, records, self.smallest, self)


class Acquisition(Protocol):
    """Gain that a candidate of known size and predicted cost is expected to bring."""

    @property
    def steps(self) -> tuple[tuple[float, float], ...]:
        """(log10 size, cost) of each trial of the front, from the smallest to the largest."""

    def level(self, log_size: float) -> float:
        """Return the cost to beat at a size."""

    def gain(self, log_sizes: Array, means: Array, stds: Array) -> Array:
        """Return the expected gains (N,) of sizes whose costs have these means and deviations."""

    def believing(self, points: Sequence[tuple[float, float]]) -> Self:
        """Return the function once further healthy trials have these log sizes and costs."""


@dataclass(frozen=True)
class HypervolumeImprovement:
    """Expected hypervolume improvement of the front, in log10 size times log quality."""

    steps: tuple[tuple[float, float], ...]
    """(log10 size, cost) of each trial of the front, from the smallest to the largest."""
    corner: tuple[float, float]
    """Reference point; larger sizes and costs add no volume."""

    @classmethod
    def of(cls, records: Sequence[TrialRecord], goal: Goal) -> HypervolumeImprovement | None:
        """Return the improvement of the front of these trials; None while no trial is healthy."""
        front = pareto_front(records, (goal.size, goal.quality), goal.reference)
        if front.reference is None:
            return None
        points = [(goal.size.value(record), goal.quality.value(record)) for record in front.trials]
        *steps, corner = (
            (math.log10(size), cost(goal.quality, quality))
            for size, quality in [*points, front.reference.values]
        )
        return cls(tuple(sorted(steps)), corner)

    def level(self, log_size: float) -> float:
        """Return the best cost of the front at no larger size."""
        return min([self.corner[1], *(cost for size, cost in self.steps if size <= log_size)])

    def gain(self, log_sizes: Array, means: Array, stds: Array) -> Array:
        """Return the expected hypervolume improvements (N,)."""
        gain = np.zeros(len(log_sizes))
        edges = [-math.inf, *(size for size, _ in self.steps), self.corner[0]]
        for low, high in itertools.pairwise(edges):
            width = np.clip(min(high, self.corner[0]) - np.maximum(low, log_sizes), 0.0, None)
            level = self.level(low)
            z = (level - means) / stds
            density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
            gain += width * ((level - means) * ndtr(z) + stds * density)
        return gain

    def believing(self, points: Sequence[tuple[float, float]]) -> Self:
        front: list[tuple[float, float]] = []
        for size, level in sorted([*self.steps, *points]):
            inside = size < self.corner[0] and level < self.corner[1]
            if inside and (not front or level < front[-1][1]):
                front.append((size, level))
        return replace(self, steps=tuple(front))


@dataclass(frozen=True)
class SizeReduction:
    """Expected reduction of the smallest size within tolerance; a better quality gains nothing."""

    steps: tuple[tuple[float, float], ...]
    smallest: float
    """log10 of the size to beat."""
    limit: float
    """Worst cost within tolerance."""

    @classmethod
    def of(
        cls,
        improvement: HypervolumeImprovement,
        records: Sequence[TrialRecord],
        smallest: SmallestModelGoal,
        goal: Goal,
    ) -> SizeReduction | None:
        """Return the reduction given these trials; None without a reference for the tolerance."""
        limit = smallest.quality_limit(records)
        if limit is None:
            return None
        size = smallest.size_to_beat(records, goal.size, goal.quality, limit)
        return cls(improvement.steps, math.log10(size), cost(goal.quality, limit))

    def level(self, log_size: float) -> float:
        return self.limit if log_size < self.smallest else -math.inf

    def gain(self, log_sizes: Array, means: Array, stds: Array) -> Array:
        reduction = np.clip(self.smallest - log_sizes, 0.0, None)
        gain: Array = reduction * ndtr((self.limit - means) / stds)
        return gain

    def believing(self, points: Sequence[tuple[float, float]]) -> Self:
        within = [size for size, level in points if level <= self.limit]
        return replace(self, smallest=min([self.smallest, *within]))
