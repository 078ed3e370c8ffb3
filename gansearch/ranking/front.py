"""The Pareto front: which healthy trials no other one beats.

Verdict before ranking: a collapsed tiny generator is beaten by none on size, so a trial that is not
healthy is left out before anything is compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gansearch.storage.trials import TrialRecord
from gansearch.study import StudySpec

Direction = Literal["minimize", "maximize"]
MARGIN = 0.1
"""Share of the worst value by which the hypervolume's reference point lies behind it."""


@dataclass(frozen=True)
class Axis:
    """A figure along which trials are compared."""

    metric: str
    direction: Direction
    is_size: bool = False

    def value(self, record: TrialRecord) -> float:
        """A trial's figure; NaN where it has none."""
        return record.figures.get(self.metric, math.nan)

    def cost(self, value: float) -> float:
        """The value turned so that less is better."""
        return value if self.direction == "minimize" else -value

    def limit(self, value: float, tolerance: float) -> float:
        """The value that is worse by a share of its own magnitude, whatever its sign."""
        return value + tolerance * abs(value) * (1 if self.direction == "minimize" else -1)

    def to_json(self) -> dict[str, Any]:
        return {"metric": self.metric, "direction": self.direction, "size": self.is_size}


@dataclass(frozen=True)
class Front:
    """The healthy trials that none beats, by the first axis from best to worst."""

    axes: tuple[Axis, ...]
    trials: tuple[TrialRecord, ...]
    healthy: tuple[TrialRecord, ...]
    """All that were compared, in order of their number."""
    reference: tuple[float, ...] | None
    """The corner from which the hypervolume is measured; None without a healthy trial."""
    hypervolume: float
    """What the front dominates, up to the reference point, in the product of the axes' units."""

    def __contains__(self, record: TrialRecord) -> bool:
        return any(record.number == trial.number for trial in self.trials)


def axes_of(spec: StudySpec, records: Sequence[TrialRecord]) -> tuple[Axis, ...]:
    """The study's objectives. A metric is a size where trials hold it among their sizes."""
    sizes = {name for record in records for name in record.sizes}
    return tuple(Axis(o.metric, o.direction, o.metric in sizes) for o in spec.objectives)


def healthy_trials(records: Sequence[TrialRecord], axes: Sequence[Axis]) -> list[TrialRecord]:
    """Complete trials with a healthy verdict and a finite value on every axis, in order of number."""
    return [
        record
        for record in sorted(records, key=lambda record: record.number)
        if record.state == "complete"
        and record.verdict is not None
        and record.verdict.status == "healthy"
        and all(math.isfinite(axis.value(record)) for axis in axes)
    ]


def first_runs(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Of several runs of one candidate the first alone: taking the best would reward luck."""
    firsts: dict[str, TrialRecord] = {}
    for record in records:
        firsts.setdefault(record.identity or f"trial {record.number}", record)
    return list(firsts.values())


def pareto_front(records: Sequence[TrialRecord], axes: Sequence[Axis]) -> Front:
    """The front of a study's trials, each candidate once."""
    healthy = healthy_trials(records, axes)
    ranked = first_runs(healthy)
    points = {record.number: _costs(record, axes) for record in ranked}
    front = [r for r in ranked if not any(_dominates(other, points[r.number]) for other in points.values())]
    front.sort(key=lambda record: (points[record.number], record.number))
    reference = _reference(healthy, axes)
    corner = [] if reference is None else [axis.cost(v) for axis, v in zip(axes, reference, strict=True)]
    volume = hypervolume([points[record.number] for record in front], corner)
    return Front(tuple(axes), tuple(front), tuple(healthy), reference, volume)


def hypervolume(points: Sequence[Sequence[float]], reference: Sequence[float]) -> float:
    """Volume between points, each better the smaller, and a reference point that none exceeds.

    Cuts along the last axis into slabs, in each of which the same points count (Knowles 2002,
    "Local-search and hybrid evolutionary algorithms for Pareto optimization"); meant for fronts of
    dozens of points and a few axes.
    """
    if not points:
        return 0.0
    if len(reference) == 1:
        return reference[0] - min(point[0] for point in points)
    ordered = sorted(points, key=lambda point: point[-1])
    ends = [point[-1] for point in ordered[1:]] + [reference[-1]]
    return sum(
        (end - point[-1]) * hypervolume([p[:-1] for p in ordered[: i + 1]], reference[:-1])
        for i, (point, end) in enumerate(zip(ordered, ends, strict=True))
        if end > point[-1]
    )


def _costs(record: TrialRecord, axes: Sequence[Axis]) -> tuple[float, ...]:
    return tuple(axis.cost(axis.value(record)) for axis in axes)


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether one is nowhere worse and somewhere better."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def _reference(healthy: Sequence[TrialRecord], axes: Sequence[Axis]) -> tuple[float, ...] | None:
    """A little behind the worst value that any healthy trial has on each axis."""
    if not healthy:
        return None
    worst = (max((axis.value(record) for record in healthy), key=axis.cost) for axis in axes)
    return tuple(axis.limit(value, MARGIN) for axis, value in zip(axes, worst, strict=True))
