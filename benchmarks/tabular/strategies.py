"""Search strategies: ours, ours with a part switched off, and those of other packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gansearch.messages import Decision
from gansearch.search.pruning import CONTINUE, PruneDecision
from gansearch.trial_record import Rung, TrialRecord


class NoPruner:
    """Pruner that continues every run."""

    def decide(
        self, sizes: Mapping[str, float], rungs: Sequence[Rung], healthy: Sequence[TrialRecord]
    ) -> PruneDecision:
        """Continue."""
        return CONTINUE


class Asha:
    """Ray's asynchronous successive halving on the quality alone, without sizes and verdicts.

    It has Ray's defaults, except for the first milestone and the last step. A result counts for the
    last milestone before it: for that of 400 steps the table has the result after 500.
    """

    def __init__(self, steps: Sequence[int]) -> None:
        from ray.tune.schedulers import AsyncHyperBandScheduler

        self._scheduler = AsyncHyperBandScheduler(
            "step", "mmd", "min", max_t=steps[-1], grace_period=steps[0]
        )
        self._trial = _RayTrial(0)

    def decide(
        self, sizes: Mapping[str, float], rungs: Sequence[Rung], healthy: Sequence[TrialRecord]
    ) -> PruneDecision:
        """Report the newest result to Ray's scheduler and return its decision."""
        if len(rungs) == 1:
            self._trial = _RayTrial(self._trial.number + 1)
            self._scheduler.on_trial_add(None, self._trial)  # type: ignore[arg-type]
        result = {"step": rungs[-1].step, "mmd": rungs[-1].metrics["mmd"]}
        action = self._scheduler.on_trial_result(None, self._trial, result)  # type: ignore[arg-type]
        if action != self._scheduler.STOP:
            return CONTINUE
        return PruneDecision(Decision.STOP, reason="not among the best quarter")


@dataclass(frozen=True)
class _RayTrial:
    """The part of a trial that Ray's scheduler reads."""

    number: int

    @property
    def trial_id(self) -> str:
        return str(self.number)


@dataclass(frozen=True)
class Strategy:
    """Search strategy."""

    sampler: str
    watches: bool = False
    """True if the detectors stop runs."""
    prunes: bool = False
    """True if runs are compared at rungs."""
    asha: bool = False
    """True if Ray's successive halving compares them."""
    aim: Literal["front", "smallest"] = "front"
    size_gate: bool = False
    """True if candidates are rejected that are no smaller than a known stable one."""


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
