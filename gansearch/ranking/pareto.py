"""The Pareto front: which healthy trials no other one beats.

Verdict before ranking: a collapsed tiny generator is beaten by none on size, so a trial that is not
healthy is left out before anything is compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gansearch.study.objective import Direction as Direction
from gansearch.study.objective import Objective as Objective
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

MARGIN = 0.1
"""Share of the worst healthy trial's value by which the reference lies behind it, where nothing else gives one."""


@dataclass(frozen=True)
class Reference:
    """The corner from which a hypervolume is measured."""

    values: tuple[float, ...]
    """By axis, in the metric's own unit."""
    of: Literal["study", "baseline", "worst healthy trial"]
    """What gives it. Only the last one moves while a study grows, and then no two hypervolumes compare."""


@dataclass(frozen=True)
class Front:
    """The healthy trials that none beats, by the first axis from best to worst."""

    axes: tuple[Objective, ...]
    trials: tuple[TrialRecord, ...]
    healthy: tuple[TrialRecord, ...]
    """All that were compared, in order of their number."""
    reference: Reference | None
    """None without a healthy trial, unless the study states it."""
    hypervolume: float
    """What the front dominates within the reference: in decades of each size times the unit of each quality."""

    def __contains__(self, record: TrialRecord) -> bool:
        return any(record.number == trial.number for trial in self.trials)


def axes_of(spec: StudySpec, records: Sequence[TrialRecord]) -> tuple[Objective, ...]:
    """The study's objectives. A metric is a size where trials hold it among their sizes."""
    sizes = {name for record in records for name in record.sizes}
    return tuple(Objective(o.metric, o.direction, o.metric in sizes) for o in spec.objectives)


def healthy_trials(records: Sequence[TrialRecord], axes: Sequence[Objective]) -> list[TrialRecord]:
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


def objective_point(record: TrialRecord, axes: Sequence[Objective]) -> tuple[float, ...]:
    """A trial as the point that a hypervolume is taken of: less is better on every axis, sizes in log10."""
    return tuple(axis.position(axis.value(record)) for axis in axes)


def pareto_front(
    records: Sequence[TrialRecord],
    axes: Sequence[Objective],
    stated: Mapping[str, float] | None = None,
) -> Front:
    """The front of a study's trials, each candidate once.

    Args:
        records: its trials, whatever became of them.
        axes: along which they are compared.
        stated: the study's own reference point for the hypervolume, by metric; it counts where it has every axis.
    """
    healthy = healthy_trials(records, axes)
    ranked = first_runs(healthy)
    costs = {record.number: _costs(record, axes) for record in ranked}
    front = [
        r for r in ranked if not any(_dominates(other, costs[r.number]) for other in costs.values())
    ]
    front.sort(key=lambda record: (costs[record.number], record.number))
    reference = _reference(healthy, axes, stated or {})
    return Front(
        tuple(axes), tuple(front), tuple(healthy), reference, _dominated(front, axes, reference)
    )


def hypervolume(points: Sequence[Sequence[float]], reference: Sequence[float]) -> float:
    """Volume between points, each better the smaller, and a reference point.

    A point that is not finite, or not better than the reference on every axis, contributes nothing.
    Cuts along the last axis into slabs, in each of which the same points count (Knowles 2002,
    "Local-search and hybrid evolutionary algorithms for Pareto optimization"); meant for fronts of
    dozens of points and a few axes.
    """
    return _volume(
        [p for p in points if all(-math.inf < c < r for c, r in zip(p, reference, strict=True))],
        reference,
    )


def _volume(points: Sequence[Sequence[float]], reference: Sequence[float]) -> float:
    if not points:
        return 0.0
    if len(reference) == 1:
        return reference[0] - min(point[0] for point in points)
    ordered = sorted(points, key=lambda point: point[-1])
    ends = [point[-1] for point in ordered[1:]] + [reference[-1]]
    return sum(
        (end - point[-1]) * _volume([p[:-1] for p in ordered[: i + 1]], reference[:-1])
        for i, (point, end) in enumerate(zip(ordered, ends, strict=True))
        if end > point[-1]
    )


def _dominated(
    front: Sequence[TrialRecord], axes: Sequence[Objective], reference: Reference | None
) -> float:
    """The hypervolume of a front's trials."""
    if reference is None:
        return 0.0
    corner = [axis.position(value) for axis, value in zip(axes, reference.values, strict=True)]
    return hypervolume([objective_point(record, axes) for record in front], corner)


def _costs(record: TrialRecord, axes: Sequence[Objective]) -> tuple[float, ...]:
    return tuple(axis.cost(axis.value(record)) for axis in axes)


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether one is nowhere worse and somewhere better."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def _reference(
    healthy: Sequence[TrialRecord], axes: Sequence[Objective], stated: Mapping[str, float]
) -> Reference | None:
    """What the study states; else what the baseline gives; else a little behind the worst that there is."""
    if all(axis.metric in stated for axis in axes):
        return Reference(tuple(stated[axis.metric] for axis in axes), "study")
    if not healthy:
        return None
    for record in healthy:
        if record.baseline:
            return Reference(
                tuple(_behind_baseline(axis, axis.value(record)) for axis in axes), "baseline"
            )
    worst = (max((axis.value(record) for record in healthy), key=axis.cost) for axis in axes)
    values = tuple(axis.limit(value, MARGIN) for axis, value in zip(axes, worst, strict=True))
    return Reference(values, "worst healthy trial")


def _behind_baseline(axis: Objective, value: float) -> float:
    """The baseline's own size; of a quality what is worse by its magnitude, by 1 where it has none."""
    return value if axis.is_size else axis.limit(value, 1.0) if value else axis.cost(1.0)
