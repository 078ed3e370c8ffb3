"""Make the record of a trial: before it is trained, and from how its training ended."""

from __future__ import annotations

from dataclasses import replace

from optuna.trial import Trial

from gansearch.messages import Crash, Decision, Ending
from gansearch.search.feasibility import Feasibility
from gansearch.search.pruning import PruneDecision
from gansearch.storage.trial_attributes import BASELINE, CERTIFIES, GIVEN, SEED, VARIATION
from gansearch.trial_record import State, TrialRecord

UNNUMBERED = -1
"""Number of a candidate that has not begun; the store gives it one when it does."""


def new_record(trial: Trial, feasibility: Feasibility) -> TrialRecord:
    """Return the record of a candidate before its training."""
    candidate, marks = feasibility.candidate, trial.user_attrs
    return TrialRecord(
        number=UNNUMBERED,
        state="running",
        parameters=trial.params,
        candidate={} if candidate is None else candidate.to_json(),
        identity="" if candidate is None else candidate.identity,
        sizes=feasibility.sizes,
        baseline=bool(marks.get(BASELINE)),
        given=bool(marks.get(GIVEN)),
        variation=bool(marks.get(VARIATION)),
        certifies=marks.get(CERTIFIES),
        seed=marks.get(SEED),
    )


def record_of_ending(record: TrialRecord, ending: Ending, pruning: PruneDecision) -> TrialRecord:
    """Return the record of a trial whose process has ended.

    Args:
        record: the record before.
        ending: how its process ended.
        pruning: the last decision at a rung.
    """
    if isinstance(ending, Crash):
        return replace(record, state="failed", reason=f"{ending.kind}: {ending.message}")
    state: State = "complete"
    if pruning.decision is Decision.PAUSE:
        state = "paused"
    elif pruning.decision is Decision.STOP or ending.verdict.status != "healthy":
        state = "pruned"
    return replace(
        record,
        state=state,
        reason=pruning.reason,
        dominated_by=pruning.dominated_by,
        verdict=ending.verdict,
        metrics=dict(ending.metrics),
        signals=dict(ending.signals),
        rungs=tuple(ending.rungs),
        kept_step=ending.kept_step,
        remedies=tuple(ending.remedies),
        steps=ending.steps,
        seconds=ending.seconds,
        stamp=dict(ending.stamp),
    )
