"""The record of a trial as it comes about: what is known before it is trained, and what its ending adds."""

from __future__ import annotations

from dataclasses import replace

from optuna.trial import Trial

from gansearch.candidate import Candidate
from gansearch.messages import Crash, Ending
from gansearch.search.feasibility import Feasibility
from gansearch.search.pruning import PruneDecision
from gansearch.storage.trial_store import (
    BASELINE,
    CERTIFIES,
    CONTINUES,
    GIVEN,
    RETRY_OF,
    SEED,
    VARIATION,
)
from gansearch.trial_record import TrialRecord


def begun(trial: Trial, examined: Feasibility) -> TrialRecord:
    """What is known of a trial before it is trained."""
    candidate: Candidate | None = examined.candidate
    marks = trial.user_attrs
    return TrialRecord(
        number=trial.number,
        state="running",
        parameters=trial.params,
        candidate={} if candidate is None else candidate.to_json(),
        identity="" if candidate is None else candidate.identity,
        sizes=examined.sizes,
        baseline=bool(marks.get(BASELINE)),
        given=bool(marks.get(GIVEN)),
        variation=bool(marks.get(VARIATION)),
        retry_of=marks.get(RETRY_OF),
        continues=marks.get(CONTINUES),
        certifies=marks.get(CERTIFIES),
        seed=marks.get(SEED),
    )


def ended(record: TrialRecord, ending: Ending, outdone: PruneDecision | None) -> TrialRecord:
    """The record of a trial that was trained."""
    if isinstance(ending, Crash):
        return replace(record, state="failed", reason=f"{ending.kind}: {ending.message}")
    return replace(
        record,
        state="complete" if ending.verdict.status == "healthy" and outdone is None else "pruned",
        reason="" if outdone is None else outdone.reason,
        dominated_by=() if outdone is None else outdone.by,
        verdict=ending.verdict,
        metrics=ending.metrics,
        signals=ending.signals,
        rungs=ending.rungs,
        remedies=ending.remedies,
        steps=ending.steps,
        seconds=ending.seconds,
        stamp=ending.stamp,
    )
