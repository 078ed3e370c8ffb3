"""Pruning at rungs: a run that fails in nothing is given up where others, no larger, do better.

Ordinary pruning ranks all runs by one metric and keeps the best. Held against large models, the small
ones would be the first to go. So a run is only ever compared with those that are no larger than it
is, and only with healthy ones: what is better there at the same step, by more than two seeds of one
candidate differ, leaves it no place on the front.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gansearch.ranking.front import Axis
from gansearch.storage.trials import TrialRecord
from gansearch.study import PruningSpec
from gansearch.trial import Rung


@dataclass(frozen=True)
class Outdone:
    """Why a run is given up."""

    by: tuple[int, ...]
    """The numbers of the trials that are better and no larger, the best first."""
    reason: str


@dataclass(frozen=True)
class RungPruner:
    """Compares runs at the same step."""

    spec: PruningSpec
    axes: Sequence[Axis]
    """The study's objectives: sizes and qualities."""

    def look(self, sizes: Mapping[str, float], rung: Rung, healthy: Sequence[TrialRecord]) -> Outdone | None:
        """Why a run should be given up at a rung; None where it may go on.

        Args:
            sizes: of its candidate.
            rung: what it is worth there.
            healthy: trials that came through, each with its own rungs.
        """
        qualities = [axis for axis in self.axes if not axis.is_size]
        rivals = [
            (there, record)
            for record in healthy
            if self._no_larger(record, sizes)
            and (there := _at(record, rung.step)) is not None
            and all(self._better(axis, there.metrics, rung.metrics) for axis in qualities)
        ]
        if not rivals or not qualities:
            return None
        axis = qualities[0]
        rivals.sort(key=lambda rival: (axis.cost(rival[0].metrics[axis.metric]), rival[1].number))
        best, record = rivals[0]
        return Outdone(
            tuple(rival.number for _, rival in rivals),
            f"outdone at step {rung.step}: {axis.metric} {rung.metrics[axis.metric]:.3g}, while trial "
            f"{record.number}, no larger, had {best.metrics[axis.metric]:.3g} there",
        )

    def _no_larger(self, record: TrialRecord, sizes: Mapping[str, float]) -> bool:
        return all(axis.cost(axis.value(record)) <= axis.cost(sizes[axis.metric]) for axis in self.axes if axis.is_size)

    def _better(self, axis: Axis, theirs: Mapping[str, float], ours: Mapping[str, float]) -> bool:
        """Whether they are better by more than the noise; what could not be measured is worse than all else."""
        one, other = theirs.get(axis.metric, math.nan), ours.get(axis.metric, math.nan)
        if not math.isfinite(one):
            return False
        return not axis.cost(other) <= axis.cost(axis.limit(one, self.spec.margin * self.spec.noise))


def _at(record: TrialRecord, step: int) -> Rung | None:
    """What a trial was worth at a step."""
    return next((rung for rung in record.rungs if rung.step == step), None)
