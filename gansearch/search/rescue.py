"""Rescue before rejection: a run that ended badly is trained once more, with one of its own remedies.

The trial stays one: it counts once, its parameters are those that the sampler drew, and what the
sampler hears is how well one can do from there. The generator stays as it is, too, since its size is
what is searched for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from gansearch.candidate import Candidate
from gansearch.diagnosis.remedies import applied
from gansearch.errors import PluginError
from gansearch.search.feasibility import Feasibility, FeasibilityCheck
from gansearch.signals import Remedy
from gansearch.trial_record import Attempt, Rescue, TrialRecord

MAY_CHANGE = frozenset({"discriminator", "loss", "schedule"})
"""Roles that a rescue leaves to a remedy."""


@dataclass(frozen=True)
class SecondChance:
    """What a trial is trained with once more."""

    remedy: Remedy
    candidate: Candidate
    examined: Feasibility


@dataclass(frozen=True)
class Rescuer:
    """Says whether a run gets a second chance, and with what."""

    wanted: Literal["none", "suspect", "all"]
    gate: FeasibilityCheck

    def look(self, record: TrialRecord, candidate: Candidate) -> SecondChance | None:
        """A trial's second chance, by the first of its remedies that will do; None where it gets none.

        Args:
            record: of the run that has just ended.
            candidate: what was trained.
        """
        return next(self._chances(record, candidate), None) if self._deserves(record) else None

    def _deserves(self, record: TrialRecord) -> bool:
        """Whether it ended badly, and for itself: what others are held against stays as the study says it."""
        if record.state != "pruned" or record.verdict is None or record.dominated_by:
            return False
        if record.baseline or record.variation or record.certifies is not None:
            return False
        return self.wanted == "all" or record.verdict.status == self.wanted

    def _chances(self, record: TrialRecord, candidate: Candidate) -> Iterator[SecondChance]:
        for remedy in record.remedies:
            if (changed := _changed(candidate, remedy)) is None:
                continue
            examined = self.gate.check(changed, constrained=not record.given)
            if not examined.refusal:
                yield SecondChance(remedy, changed, examined)


def _changed(candidate: Candidate, remedy: Remedy) -> Candidate | None:
    """A candidate with a remedy, where that leaves the generator alone and the rest goes together."""
    if not remedy.change or not MAY_CHANGE.issuperset(remedy.change):
        return None
    try:
        changed = applied(candidate, remedy)
    except (PluginError, ValueError):
        return None
    return None if changed.missing_objectives() else changed


def both_told(remedy: Remedy, first: TrialRecord, second: TrialRecord) -> TrialRecord:
    """The record of a trial with two runs: that of the better one, with the story and the cost of both."""
    succeeded = second.state == "complete"
    reason = "" if succeeded else second.reason
    rescue = Rescue(remedy, _attempt(first), _attempt(second), succeeded, reason)
    untried = tuple(other for other in first.remedies if other != remedy)
    record = second if succeeded else replace(first, remedies=untried)
    steps, seconds = first.steps + second.steps, first.seconds + second.seconds
    return replace(record, rescue=rescue, steps=steps, seconds=seconds)


def _attempt(record: TrialRecord) -> Attempt:
    return Attempt(record.verdict, record.steps, record.seconds)
