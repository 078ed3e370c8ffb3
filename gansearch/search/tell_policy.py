"""Tell policy: the figures and constraints with which a finished trial is told to Optuna."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gansearch.search.samplers import SamplerKind
from gansearch.study.spec import ObjectiveSpec
from gansearch.trial_record import Rejection, TrialRecord


@dataclass(frozen=True)
class TellArguments:
    """Arguments of `TrialStore.tell`."""

    entry: TrialRecord | Rejection
    values: list[float] | None
    constraints: Mapping[str, float]


@dataclass(frozen=True)
class TellPolicy:
    """The one place that decides what a sampler learns from a trial.

    A healthy trial is COMPLETE. One that failed or ended suspect is never ranked: it is PRUNED with
    a violated constraint, so that the sampler avoids its neighbourhood; a sampler that does not
    read pruned trials gets it as COMPLETE with the constraint violated. A crash is FAIL: nothing is
    learned from it. A trial stopped at a rung is told like one that failed: telling it as feasible,
    or with its quality at the rung, led TPE and NSGA-II no better in benchmarks/tabular.
    """

    objectives: Sequence[ObjectiveSpec]
    constraints: Sequence[str]
    kind: SamplerKind

    def ended(self, record: TrialRecord, violations: Mapping[str, float]) -> TellArguments:
        """Return what to tell of a trial that ended; `violations` are by constraint."""
        values = [record.figures.get(objective.metric, math.nan) for objective in self.objectives]
        if record.state == "complete" and not all(map(math.isfinite, values)):
            pairs = zip(self.objectives, values, strict=True)
            missing = ", ".join(o.metric for o, value in pairs if not math.isfinite(value))
            record = replace(record, state="failed", reason=f"no finite value of {missing}")
        told = self._told_values(record.state, values)
        return TellArguments(record, told, self._constraints(record.state, violations))

    def rejected(self, rejection: Rejection, violations: Mapping[str, float]) -> TellArguments:
        """Return what to tell of a candidate that was refused before training.

        A candidate that was trained before is told as FAIL, from which nothing is learned.
        """
        if rejection.repeats is not None:
            return TellArguments(rejection, None, self._constraints("failed", violations))
        told = self._told_values("pruned", [math.nan] * len(self.objectives))
        return TellArguments(rejection, told, self._constraints("pruned", violations))

    def _told_values(self, state: str, values: Sequence[float]) -> list[float] | None:
        """Return the values of a trial that Optuna gets as COMPLETE; None for all others.

        A value that is not finite becomes infinitely bad.
        """
        if state != "complete" and (state != "pruned" or self.kind.learns_from_pruned):
            return None
        worst = {"minimize": math.inf, "maximize": -math.inf}
        return [
            value if math.isfinite(value) else worst[objective.direction]
            for objective, value in zip(self.objectives, values, strict=True)
        ]

    def _constraints(self, state: str, violations: Mapping[str, float]) -> dict[str, float]:
        constraints = {"failure": float(state != "complete"), "invalid": 0.0}
        return constraints | dict.fromkeys(self.constraints, 0.0) | dict(violations)
