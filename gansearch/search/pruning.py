"""Pruning at rungs: pause or stop a healthy run that will not reach the front.

Ordinary pruning ranks all runs by one metric and keeps the best half. Compared with large models,
small ones would be the first to go. So a run is only compared with healthy trials that are no
larger than itself. A slow start is no failure: a run is credited with the largest improvement that
any healthy trial of the study made from this rung to its end. Only a run that would even then be
worse, by more than two seeds of one candidate differ, is stopped for good.

A search that can promote paused runs may be less patient: it pauses a run that would be worse with
the usual improvement, or beyond the reference point. And it pauses every run at the first rung,
where most is learned for the least: in the table of benchmarks/tabular the MMD after 100 of 1,500
steps has a rank correlation of 0.70 with the final one, that after 1,000 steps one of 0.81. So many
candidates are begun, and the best of them are promoted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gansearch.messages import Decision
from gansearch.ranking.pareto import Objective, pareto_front
from gansearch.search.learning_curves import CurveExtrapolation, cost, quality
from gansearch.search.smallest_model import SmallestModelGoal
from gansearch.study.spec import PruningSpec
from gansearch.trial_record import Rung, TrialRecord

Records = Sequence[TrialRecord]


@dataclass(frozen=True)
class PruneDecision:
    """Decision about a run at a rung, and why."""

    decision: Decision
    dominated_by: tuple[int, ...] = ()
    """Numbers of the trials compared with, the best first."""
    reason: str = ""


CONTINUE = PruneDecision(Decision.CONTINUE)


@dataclass(frozen=True)
class RungPruner:
    """Policy at rungs: a run continues, is paused or is stopped."""

    spec: PruningSpec
    objectives: Sequence[Objective]
    reference: Mapping[str, float]
    """The study's own reference point, where it states one."""
    pauses: bool = False
    """True where paused runs may be promoted later; otherwise a run is stopped for good."""
    smallest: SmallestModelGoal | None = None
    """In a search for the smallest model, qualities out of tolerance count as beyond the
    reference."""
    _curves: dict[Objective, CurveExtrapolation] = field(
        default_factory=dict, init=False, compare=False
    )
    """Extrapolations by quality, extended as trials end: a rebuild at each rung grows slow."""

    def decide(
        self, sizes: Mapping[str, float], rungs: Sequence[Rung], healthy: Records
    ) -> PruneDecision:
        """Decide about a run at a rung.

        Args:
            sizes: sizes of its candidate.
            rungs: its quality, and the study's costs, at each rung so far; it is at the last one.
            healthy: healthy trials, each with its own rungs.
        """
        # Predict the quality at its end
        expected = self._expected_costs(rungs, healthy)
        if not expected:
            return CONTINUE
        objective = next(iter(expected))
        now = rungs[-1].metrics.get(objective.metric, math.nan)
        verb = "is expected to end at" if self.pauses else "could at best end at"
        final = quality(objective, expected[objective])
        forecast = f"{objective.metric} {now:.3g} at step {rungs[-1].step} {verb} {final:.3g}"

        # Compare it with the trials that leave it no place on the front
        rivals, relation = self._rivals(expected, {**sizes, **rungs[-1].metrics}, healthy)
        if rivals:
            compared = _best_first(rivals, objective)
            best = objective.value(compared[0])
            why = f"trial {compared[0].number}, {relation}, has {best:.3g}"
        elif self.pauses and len(rungs) == 1:
            seen = [r for r in healthy if any(rung.step == rungs[-1].step for rung in r.rungs)]
            compared = _best_first(seen, objective)
            why = "paused until no other candidate promises more"
        else:
            return CONTINUE

        decision = Decision.PAUSE if self.pauses else Decision.STOP
        numbers = tuple(record.number for record in compared)
        return PruneDecision(decision, numbers, f"{forecast}; {why}")

    def _expected_costs(self, rungs: Sequence[Rung], healthy: Records) -> dict[Objective, float]:
        """Return the expected final cost by quality; empty with too few healthy trials."""
        expected: dict[Objective, float] = {}
        for objective in (o for o in self.objectives if o.is_quality):
            curves = self._curves.get(objective, CurveExtrapolation(objective, ())).updated(healthy)
            self._curves[objective] = curves
            if curves.runs_at(rungs[-1].step) < self.spec.min_healthy_trials:
                return {}
            forecast = curves.forecast(rungs)
            noise = self.spec.margin * math.log1p(self.spec.noise)
            expected[objective] = forecast.mean if self.pauses else forecast.best_case - noise
        return expected

    def _rivals(
        self, expected: Mapping[Objective, float], known: Mapping[str, float], healthy: Records
    ) -> tuple[list[TrialRecord], str]:
        """Return the trials that leave the run no place on the front, and their relation to it."""
        prices = [objective for objective in self.objectives if not objective.is_quality]
        rivals = [
            record
            for record in healthy
            if all(o.cost(o.value(record)) <= o.cost(known.get(o.metric, math.nan)) for o in prices)
            and _is_worse(expected, record.figures)
        ]
        if rivals or not (self.pauses or self.smallest):
            return rivals, "which is no larger"
        limits = self._worst_useful(healthy)
        if not all(o.metric in limits for o in expected) or not _is_worse(expected, limits):
            return [], ""
        within = [
            record
            for record in healthy
            if all(o.cost(o.value(record)) <= o.cost(limits[o.metric]) for o in expected)
        ]
        return within, "within tolerance" if self.smallest else "within the reference"

    def _worst_useful(self, healthy: Records) -> dict[str, float]:
        """Return the value of each objective beyond which a model is of no use."""
        if self.smallest:
            objective = next(o for o in self.objectives if o.is_quality)
            limit = self.smallest.quality_limit(healthy)
            if limit is None:
                return {}
            return {objective.metric: limit}
        reference = pareto_front(healthy, self.objectives, self.reference).reference
        if reference is None:
            return {}
        pairs = zip(self.objectives, reference.values, strict=True)
        return {objective.metric: value for objective, value in pairs}


def _best_first(records: Records, objective: Objective) -> list[TrialRecord]:
    return sorted(records, key=lambda r: (objective.cost(objective.value(r)), r.number))


def _is_worse(expected: Mapping[Objective, float], figures: Mapping[str, float]) -> bool:
    """Return True if every expected cost is above that of these figures."""
    return all(
        value > cost(objective, figures.get(objective.metric, math.nan))
        for objective, value in expected.items()
    )
