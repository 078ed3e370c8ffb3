"""Ways to search the table: ours, ours with a part switched off, and what there is elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gansearch.search.pruning import PruneDecision
from gansearch.trial_record import Rung, TrialRecord


class Never:
    """Gives nobody up."""

    def look(
        self, sizes: Mapping[str, float], rungs: Sequence[Rung], healthy: Sequence[TrialRecord]
    ) -> PruneDecision | None:
        return None


class Asha:
    """Ray's asynchronous successive halving on the quality alone, without sizes and verdicts.

    Ray's defaults, but for the first milestone and the last step. A result counts for the milestone
    that it has passed: for that of 400 steps the one that the table has after 500.
    """

    def __init__(self, steps: Sequence[int]) -> None:
        from ray.tune.schedulers import AsyncHyperBandScheduler

        self._scheduler = AsyncHyperBandScheduler(
            "step", "mmd", "min", max_t=steps[-1], grace_period=steps[0]
        )
        self._trial = _RayTrial(0)

    def look(
        self, sizes: Mapping[str, float], rungs: Sequence[Rung], healthy: Sequence[TrialRecord]
    ) -> PruneDecision | None:
        """Hand the newest result to Ray, and take its word."""
        if len(rungs) == 1:
            self._trial = _RayTrial(self._trial.number + 1)
            self._scheduler.on_trial_add(None, self._trial)
        result = {"step": rungs[-1].step, "mmd": rungs[-1].metrics["mmd"]}
        stops = self._scheduler.on_trial_result(None, self._trial, result) == self._scheduler.STOP
        return PruneDecision((-1,), "not among the best quarter") if stops else None


@dataclass(frozen=True)
class _RayTrial:
    """As much of a trial as Ray's scheduler looks at."""

    number: int

    @property
    def trial_id(self) -> str:
        return str(self.number)


@dataclass(frozen=True)
class Strategy:
    """A way to search."""

    sampler: str
    watches: bool = False
    """Whether the detectors end runs."""
    prunes: bool = False
    """Whether runs are compared at rungs."""
    asha: bool = False
    """Whether Ray's successive halving compares them."""
    aim: Literal["front", "smallest"] = "front"
    size_gate: bool = False
    """Whether candidates are refused that are no smaller than one that is known to be stable."""


OURS = Strategy("shrink", watches=True, prunes=True)
STRATEGIES: Mapping[str, Strategy] = {
    "ours": OURS,
    "ours, after the smallest alone": replace(OURS, aim="smallest"),
    "tpe": Strategy("tpe"),
    "nsga2": Strategy("nsga2"),
    "random": Strategy("random"),
    "asha": Strategy("random", asha=True),
    "ours without verdicts": replace(OURS, watches=False),
    "ours without rungs": replace(OURS, prunes=False),
    "ours without shrinking (tpe)": replace(OURS, sampler="tpe"),
    "ours without shrinking (nsga2)": replace(OURS, sampler="nsga2"),
    "ours without shrinking (random)": replace(OURS, sampler="random"),
    "ours without shrinking (tpe), with a size gate": replace(OURS, sampler="tpe", size_gate=True),
}
