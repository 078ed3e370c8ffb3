"""Pruning at rungs: a run that fails in nothing is given up where it has no place on the front.

Ordinary pruning ranks all runs by one metric and keeps the best. Held against large models, the small
ones would be the first to go. So a run is only ever held against healthy trials that are no larger
than it is. And a run that is slow to begin is no bad one: it is granted the largest improvement that
any healthy trial of the study has made from this rung to its end. Only where it would even then be
worse, by more than two seeds of one candidate differ, is it given up for good.

A search that takes up again what it has set aside can afford to be less patient: there a run is set
aside as soon as it would be worse with the usual improvement, or beyond the reference point. And at
the first rung every run is, since that tells most of what there is to know for the least: in the table
of benchmarks/tabular the MMD after 100 of 1,500 steps has a rank correlation of 0.70 with the last one,
that after 1,000 steps one of 0.81. So many candidates are begun, and the best of them go on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gansearch.ranking.pareto import Objective, pareto_front
from gansearch.search.learning_curves import CurveExtrapolation, cost, quality
from gansearch.search.smallest_model import SmallestModelGoal
from gansearch.study.spec import PruningSpec
from gansearch.trial_record import Rung, TrialRecord

Records = Sequence[TrialRecord]


@dataclass(frozen=True)
class PruneDecision:
    """Why a run is given up."""

    by: tuple[int, ...]
    """The numbers of the trials that it was held against, the best first."""
    reason: str


@dataclass(frozen=True)
class RungPruner:
    """Says which runs have no place on the front."""

    spec: PruningSpec
    axes: Sequence[Objective]
    """The study's objectives: sizes and qualities."""
    reference: Mapping[str, float]
    """The study's own reference point, where it states one."""
    sets_aside: bool = False
    """Whether what is given up may be taken up again."""
    smallest: SmallestModelGoal | None = None
    """Where the search is after the smallest model: then what is out of tolerance is beyond the reference."""
    _precedents: dict[Objective, CurveExtrapolation] = field(
        default_factory=dict, init=False, compare=False
    )
    """As of the last look: to go through all trials at each look would take ever longer."""

    def look(
        self, sizes: Mapping[str, float], rungs: Sequence[Rung], healthy: Records
    ) -> PruneDecision | None:
        """Why a run should be given up at a rung; None where it may go on.

        Args:
            sizes: of its candidate.
            rungs: what it was worth at each rung so far, the last one that at which it is.
            healthy: trials that came through, each with its own rungs.
        """
        hoped = self._hoped(rungs, healthy)
        if not hoped:
            return None
        outdone = self._beaten(hoped, sizes, rungs, healthy)
        waits = self.sets_aside and len(rungs) == 1
        return self._waiting(hoped, rungs, healthy) if outdone is None and waits else outdone

    def _beaten(
        self,
        hoped: Mapping[Objective, float],
        sizes: Mapping[str, float],
        rungs: Sequence[Rung],
        healthy: Records,
    ) -> PruneDecision | None:
        """Why a run that hopes for no more than this has no place on the front; None where it has."""
        axis = next(iter(hoped))
        rivals = [
            record
            for record in healthy
            if self._no_larger(record, sizes) and _are_worse(hoped, record.figures)
        ]
        what = "no larger, has"
        if not rivals and (self.sets_aside or self.smallest):
            within = "tolerance" if self.smallest else "the reference"
            rivals, what = self._within_reference(hoped, healthy), f"within {within}, has"
        if not rivals:
            return None
        rivals = _best_first(rivals, axis)
        told = f"{self._told(axis, hoped, rungs)}; trial {rivals[0].number}, {what} {axis.value(rivals[0]):.3g}"
        return PruneDecision(tuple(record.number for record in rivals), told)

    def _waiting(
        self, hoped: Mapping[Objective, float], rungs: Sequence[Rung], healthy: Records
    ) -> PruneDecision:
        """Why a run that may have a place on the front is set aside all the same."""
        axis = next(iter(hoped))
        known = [
            record
            for record in healthy
            if any(rung.step == rungs[-1].step for rung in record.rungs)
        ]
        told = f"{self._told(axis, hoped, rungs)}; it waits until nothing else promises more"
        return PruneDecision(tuple(record.number for record in _best_first(known, axis)), told)

    def _told(
        self, axis: Objective, hoped: Mapping[Objective, float], rungs: Sequence[Rung]
    ) -> str:
        now = rungs[-1].metrics.get(axis.metric, math.nan)
        will = "would, as a rule, end with" if self.sets_aside else "could at best end with"
        return f"{axis.metric} {now:.3g} at step {rungs[-1].step} {will} {quality(axis, hoped[axis]):.3g}"

    def _hoped(self, rungs: Sequence[Rung], healthy: Records) -> dict[Objective, float]:
        """The cost of each quality with which a run may hope to end; nothing while there are too few precedents."""
        hoped: dict[Objective, float] = {}
        for axis in (axis for axis in self.axes if not axis.is_size):
            extrapolation = self._precedents[axis] = self._precedents.get(
                axis, CurveExtrapolation(axis, ())
            ).updated(healthy)
            if extrapolation.runs_at(rungs[-1].step) < self.spec.min_healthy_trials:
                return {}
            forecast = extrapolation.forecast(rungs)
            noise = self.spec.margin * math.log1p(self.spec.noise)
            hoped[axis] = forecast.mean if self.sets_aside else forecast.best_case - noise
        return hoped

    def _no_larger(self, record: TrialRecord, sizes: Mapping[str, float]) -> bool:
        return all(
            axis.cost(axis.value(record)) <= axis.cost(sizes[axis.metric])
            for axis in self.axes
            if axis.is_size
        )

    def _within_reference(
        self, hoped: Mapping[Objective, float], healthy: Records
    ) -> list[TrialRecord]:
        """Of a run that hopes for nothing within the reference those that are; else none."""
        limits = self._limits(healthy)
        if not all(axis.metric in limits for axis in hoped) or not _are_worse(hoped, limits):
            return []
        return [
            record
            for record in healthy
            if all(a.cost(a.value(record)) <= a.cost(limits[a.metric]) for a in hoped)
        ]

    def _limits(self, healthy: Records) -> dict[str, float]:
        """What is too bad to be of use, by objective."""
        if self.smallest:
            axis, limit = (
                next(axis for axis in self.axes if not axis.is_size),
                self.smallest.quality_limit(healthy),
            )
            return {} if limit is None else {axis.metric: limit}
        reference = pareto_front(healthy, self.axes, self.reference).reference
        return (
            {axis.metric: v for axis, v in zip(self.axes, reference.values, strict=True)}
            if reference
            else {}
        )


def _best_first(records: Records, axis: Objective) -> list[TrialRecord]:
    return sorted(records, key=lambda record: (axis.cost(axis.value(record)), record.number))


def _are_worse(hoped: Mapping[Objective, float], figures: Mapping[str, float]) -> bool:
    """Whether what is hoped for is worse than these figures in every quality."""
    return all(
        expected > cost(axis, figures.get(axis.metric, math.nan))
        for axis, expected in hoped.items()
    )
