"""Pareto front of the healthy trials, and its hypervolume.

The verdict comes before the ranking: a collapsed tiny generator is non-dominated by size, so a
trial that is not healthy is left out before anything is compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gansearch.evaluation.latency_names import LATENCIES
from gansearch.study.objective import Direction as Direction
from gansearch.study.objective import Objective as Objective
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

MARGIN = 0.1
"""Share by which the default reference point is worse than the worst healthy trial."""


@dataclass(frozen=True)
class Reference:
    """Reference point of a hypervolume."""

    values: tuple[float, ...]
    """One value an objective, in the metric's own unit."""
    of: Literal["study", "baseline", "worst healthy trial"]
    """Source of the point. Only the last one moves while a study grows: hypervolumes then differ in
    their reference and must not be compared."""


@dataclass(frozen=True)
class Front:
    """Non-dominated healthy trials, sorted by the first objective from best to worst."""

    objectives: tuple[Objective, ...]
    trials: tuple[TrialRecord, ...]
    healthy: tuple[TrialRecord, ...]
    """All trials that were compared, in order of their number."""
    reference: Reference | None
    """Reference point; None without a healthy trial, unless the study states one."""
    hypervolume: float
    """Dominated volume up to the reference point: decades of sizes times units of qualities."""

    def __contains__(self, record: TrialRecord) -> bool:
        return any(record.number == trial.number for trial in self.trials)


def objectives_of(spec: StudySpec, records: Sequence[TrialRecord]) -> tuple[Objective, ...]:
    """Return the study's objectives.

    A metric is a size if the trials have it among their sizes, and a cost if it is a latency or
    their stamps name it as one.
    """
    sizes = {name for record in records for name in record.sizes}
    costs = {name for record in records for name in record.stamp.get("costs", ())} | {*LATENCIES}
    return tuple(
        Objective(o.metric, o.direction, o.metric in sizes, o.metric in costs)
        for o in spec.objectives
    )


def healthy_trials(
    records: Sequence[TrialRecord], objectives: Sequence[Objective]
) -> list[TrialRecord]:
    """Return the complete healthy trials with finite objectives, in order of number."""
    return [
        record
        for record in sorted(records, key=lambda record: record.number)
        if record.state == "complete"
        and record.verdict is not None
        and record.verdict.status == "healthy"
        and all(math.isfinite(objective.value(record)) for objective in objectives)
    ]


def first_runs(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Keep the first trial of each candidate; taking the best one would reward luck."""
    firsts: dict[str, TrialRecord] = {}
    for record in records:
        firsts.setdefault(record.identity or f"trial {record.number}", record)
    return list(firsts.values())


def objective_point(record: TrialRecord, objectives: Sequence[Objective]) -> tuple[float, ...]:
    """Return a trial's point in objective space: less is better, sizes in log10."""
    return tuple(objective.position(objective.value(record)) for objective in objectives)


def pareto_front(
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    stated: Mapping[str, float] | None = None,
) -> Front:
    """Compute the Pareto front of a study's trials, each candidate once.

    Args:
        records: all trials of the study.
        objectives: the objectives by which trials are compared.
        stated: the study's own reference point for the hypervolume, by metric; it is used when it
            has a value for every objective.
    """
    healthy = healthy_trials(records, objectives)
    ranked = first_runs(healthy)
    costs = {
        record.number: tuple(objective.cost(objective.value(record)) for objective in objectives)
        for record in ranked
    }
    front = [
        record
        for record in ranked
        if not any(_dominates(other, costs[record.number]) for other in costs.values())
    ]
    front.sort(key=lambda record: (costs[record.number], record.number))
    reference = _reference(healthy, objectives, stated or {})
    volume = 0.0
    if reference is not None:
        corner = [o.position(v) for o, v in zip(objectives, reference.values, strict=True)]
        volume = hypervolume([objective_point(record, objectives) for record in front], corner)
    return Front(tuple(objectives), tuple(front), tuple(healthy), reference, volume)


def hypervolume(points: Sequence[Sequence[float]], reference: Sequence[float]) -> float:
    """Compute the volume that points dominate within a reference point; less is better everywhere.

    A point that is not finite, or not better than the reference in every objective, adds nothing.
    Slices along the last objective (Knowles 2002, "Local-search and hybrid evolutionary algorithms
    for Pareto optimization"); meant for fronts of dozens of points and a few objectives.

    Example:
        >>> hypervolume([(1.0, 3.0), (2.0, 2.0)], reference=(4.0, 4.0))
        5.0
    """
    inside = [
        p for p in points if all(-math.inf < c < r for c, r in zip(p, reference, strict=True))
    ]
    return _volume(inside, reference)


def _volume(points: Sequence[Sequence[float]], reference: Sequence[float]) -> float:
    """Compute the hypervolume of points that all dominate the reference."""
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


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Return true if `one` is nowhere worse than `other` and somewhere better."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def _reference(
    healthy: Sequence[TrialRecord], objectives: Sequence[Objective], stated: Mapping[str, float]
) -> Reference | None:
    """Choose the reference point: the study's, else by the baseline, else behind the worst trial.

    The baseline gives its own sizes and costs, and a quality that is worse than its own by its
    magnitude (by 1 where that is 0).
    """
    if all(objective.metric in stated for objective in objectives):
        return Reference(tuple(stated[objective.metric] for objective in objectives), "study")
    if not healthy:
        return None
    baseline = next((record for record in healthy if record.baseline), None)
    values: list[float] = []
    for objective in objectives:
        if baseline is None:
            worst = max((objective.value(record) for record in healthy), key=objective.cost)
            values.append(objective.limit(worst, MARGIN))
            continue
        value = objective.value(baseline)
        if objective.is_quality:
            value = objective.limit(value, 1.0) if value else objective.cost(1.0)
        values.append(value)
    return Reference(tuple(values), "worst healthy trial" if baseline is None else "baseline")
