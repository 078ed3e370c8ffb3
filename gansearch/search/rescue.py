"""Rescue: train a run that ended badly once more, with one of its own remedies.

It stays one trial: it counts once, keeps the parameters that the sampler drew, and the sampler
learns how good a candidate can be from there. The generator stays as it is, since its size is what
the search is about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from gansearch.candidate import Candidate
from gansearch.diagnosis.remedies import applied
from gansearch.errors import PluginError
from gansearch.search.feasibility import Feasibility, FeasibilityCheck
from gansearch.signals import Remedy
from gansearch.trial_record import Attempt, Rescue, TrialRecord

MAY_CHANGE = frozenset({"discriminator", "loss", "schedule"})
"""Roles that a remedy may change."""


@dataclass(frozen=True)
class RescuePlan:
    """Second run of a trial: a remedy, and the candidate with it."""

    remedy: Remedy
    candidate: Candidate
    feasibility: Feasibility

    def record(self, first: TrialRecord) -> TrialRecord:
        """Return the record of the second run before its training, from that of the first."""
        return replace(
            first,
            state="running",
            candidate=self.candidate.to_json(),
            identity=self.candidate.identity,
            sizes=self.feasibility.sizes,
            verdict=None,
            remedies=(),
            metrics={},
            signals={},
            rungs=(),
            kept_step=None,
            steps=0,
            seconds=0.0,
            stamp={},
        )


@dataclass(frozen=True)
class Rescuer:
    """Policy that decides which runs get a second one, and with which remedy."""

    wanted: Literal["none", "suspect", "all"]
    """`search.rescue` of the study."""
    feasibility: FeasibilityCheck

    def plan(self, record: TrialRecord, candidate: Candidate) -> RescuePlan | None:
        """Return a trial's second run, with its first applicable remedy; None if it gets none.

        Args:
            record: record of the run that has just ended.
            candidate: the candidate that was trained.
        """
        if record.state != "pruned" or record.verdict is None or record.dominated_by:
            return None
        if record.baseline or record.variation or record.certifies is not None:
            return None  # others are compared with these, so they stay as the study says
        if self.wanted not in ("all", record.verdict.status):
            return None
        for remedy in record.remedies:
            if not remedy.change or not MAY_CHANGE.issuperset(remedy.change):
                continue
            try:
                changed = applied(candidate, remedy)
            except (PluginError, ValueError):
                continue
            if changed.missing_objectives():
                continue
            feasibility = self.feasibility.check(changed, constrained=not record.given)
            if not feasibility.refusal:
                return RescuePlan(remedy, changed, feasibility)
        return None


def rescued_record(remedy: Remedy, first: TrialRecord, second: TrialRecord) -> TrialRecord:
    """Return the record of a trial with two runs: that of the better one, with the cost of both."""
    succeeded = second.state == "complete"
    rescue = Rescue(
        remedy,
        Attempt(first.verdict, first.steps, first.seconds),
        Attempt(second.verdict, second.steps, second.seconds),
        succeeded,
        "" if succeeded else second.reason,
    )
    record = second
    if not succeeded:
        untried = tuple(other for other in first.remedies if other != remedy)
        record = replace(first, remedies=untried)
    steps, seconds = first.steps + second.steps, first.seconds + second.seconds
    return replace(record, rescue=rescue, steps=steps, seconds=seconds)
