"""What the end of a trial means to the sampler: verdict first, then figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gansearch.search.samplers import SamplerKind
from gansearch.study.spec import ObjectiveSpec
from gansearch.trial_record import TrialRecord


@dataclass(frozen=True)
class Told:
    """What the storage is told of an end."""

    record: TrialRecord
    values: list[float] | None
    """Of the objectives, for a trial that Optuna should know as COMPLETE."""
    constraints: Mapping[str, float]


@dataclass(frozen=True)
class TellPolicy:
    """The one place that decides it.

    A healthy trial is COMPLETE. One that failed, or ended suspect, is never ranked: it is PRUNED with
    a violated constraint, so that the sampler learns to keep away; a sampler that does not read such
    trials is told COMPLETE, with the constraint violated. A crash is FAIL, from which nothing is learned.
    One that was given up at a rung is told like one that failed: told as feasible, or with the quality that it
    had there, it led TPE and NSGA-II no better in benchmarks/tabular.
    """

    objectives: Sequence[ObjectiveSpec]
    constraints: Sequence[str]
    kind: SamplerKind

    def told(self, record: TrialRecord, violations: Mapping[str, float]) -> Told:
        """What to tell of a trial that has ended."""
        values = [record.figures.get(objective.metric, math.nan) for objective in self.objectives]
        if record.state == "complete" and not all(map(math.isfinite, values)):
            broken = [
                o.metric
                for o, value in zip(self.objectives, values, strict=True)
                if not math.isfinite(value)
            ]
            record = replace(record, state="failed", reason=f"not measurable: {', '.join(broken)}")
        constraints = {"failure": float(record.state != "complete"), "invalid": 0.0}
        constraints |= dict.fromkeys(self.constraints, 0.0) | dict(violations)
        ranked = record.state == "complete" or (
            record.state == "pruned" and not self.kind.learns_from_pruned
        )
        return Told(record, self._worst_where_unknown(values) if ranked else None, constraints)

    def _worst_where_unknown(self, values: Sequence[float]) -> list[float]:
        return [
            value
            if math.isfinite(value)
            else math.inf * (1 if objective.direction == "minimize" else -1)
            for objective, value in zip(self.objectives, values, strict=True)
        ]
