"""The driver: ask, gate, train, tell. The only writer of a study."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from optuna.trial import Trial, TrialState

from gansearch.candidate import Candidate
from gansearch.errors import GansearchError
from gansearch.options import InvalidCandidateError
from gansearch.search.executor import Executor
from gansearch.search.samplers import KINDS, make_sampler
from gansearch.space import SearchSpace
from gansearch.storage.run_folder import CANDIDATE, RunFolder
from gansearch.storage.trials import BASELINE, DEATHS, GIVEN, RETRY_OF, VARIATION, TrialRecord, TrialStore
from gansearch.study import StudySpec
from gansearch.trial import Crash, Ended, Ending, Job, Progress

SizeCounter = Callable[[Candidate], Mapping[str, float]]
"""Counts a candidate without training it. Raises ValueError where it cannot be built."""

REJECTIONS_ON_END = 200
"""Candidates refused one after the other before the driver gives up."""
DEATHS_ALLOWED = 2
"""At so many deaths of its process a candidate is given up."""
GRACE = 8.0
"""Seconds that running trials get to keep a checkpoint when the search is stopped."""


class Listener(Protocol):
    """Told of all that happens; draws it, as a rule."""

    def began(self, records: Sequence[TrialRecord], slots: int) -> None:
        """The search goes on from these trials, on so many places."""

    def started(self, trial: int, candidate: Candidate, sizes: Mapping[str, float]) -> None:
        """A candidate is being trained."""

    def progressed(self, progress: Progress) -> None:
        """A trial got further."""

    def ended(self, record: TrialRecord) -> None:
        """A trial ended, or was refused before it began."""

    def idle(self) -> None:
        """Called about four times a second."""


class Driver:
    """Searches until the study has the trials that it asks for."""

    def __init__(
        self,
        spec: StudySpec,
        space: SearchSpace,
        folder: RunFolder,
        store: TrialStore,
        executor: Executor,
        sizes: SizeCounter,
        listener: Listener,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._stop_asked = stop
        self._spec, self._space, self._folder, self._store = spec, space, folder, store
        self._executor, self._sizes, self._listener = executor, sizes, listener
        self._running: dict[int, tuple[Trial, Candidate, Mapping[str, float]]] = {}
        self._proposes = KINDS[spec.search.sampler].proposes
        self._rejected_on_end = 0
        self._trained = 0
        self._finished = 0

    def run(self) -> None:
        """Search. What was interrupted before is taken up first; a stop leaves all of it resumable."""
        self._store.requeue_interrupted()
        records = self._store.records()
        self._enqueue_given(sum((r.given or r.variation) and r.retry_of is None for r in records))
        self._finished = sum(record.ended for record in records)
        self._trained = sum(record.ended and not record.rejected for record in records)
        self._listener.began(records, self._executor.slots)
        try:
            while not self._stop_asked() and (self._start_due() or self._running):
                for event in self._executor.events(timeout=0.25):
                    if isinstance(event, Ended):
                        self._end(event)
                    else:
                        self._listener.progressed(event)
                self._listener.idle()
        finally:
            self._stop()

    def _enqueue_given(self, already: int) -> None:
        """Queue the candidates that need no sampler, the baseline first, but for those that are queued already."""
        named = 1 + len(self._space.queued_parameters)
        for i, parameters in enumerate(self._space.given(self._spec.search)[already:], start=already):
            marks = {GIVEN: True, BASELINE: i == 0} if i < named else {VARIATION: True}
            self._store.enqueue(parameters, **marks)

    # ------------------------------------------------------------------ ask and gate

    def _start_due(self) -> bool:
        """Fill the free slots; whether the study wants any more trials."""
        while self._wanted() and len(self._running) < self._executor.slots:
            self._start_one()
        return self._wanted()

    def _wanted(self) -> bool:
        if self._store.count(TrialState.WAITING) > 0:
            return True
        return self._proposes and self._trained + len(self._running) < self._spec.search.trials

    def _start_one(self) -> None:
        """Ask for a candidate, and either refuse it unseen or have it trained."""
        trial = self._store.ask(make_sampler(self._spec.search, self._finished, len(self._running)))
        try:
            candidate = self._space.draw(trial)
            sizes = self._sizes(candidate)
        except (InvalidCandidateError, ValueError) as error:
            self._reject(trial, TrialRecord(trial.number, "pruned", trial.params, reason=str(error)), {"invalid": 1.0})
            return
        except Exception as error:  # a plugin may fail in any way; that costs its candidate and no other
            reason = f"raised: {type(error).__name__}: {error}"
            self._trained += 1
            self._tell(trial, TrialRecord(trial.number, "failed", trial.params, reason=reason), {})
            return
        record = self._record(trial, candidate, sizes)
        violations = self._violations(sizes)
        over = [name for name, violation in violations.items() if violation > 0]
        if over and not trial.user_attrs.get(GIVEN):  # what the study names outright it wants trained
            reason = "; ".join(f"{name} {sizes[name]:,.0f} is outside the study's constraint" for name in over)
            self._reject(trial, replace(record, state="pruned", reason=reason), violations)
            return
        self._rejected_on_end = 0
        self._submit(trial, candidate, sizes)

    def _submit(self, trial: Trial, candidate: Candidate, sizes: Mapping[str, float]) -> None:
        folder = self._folder.trial(trial.number)
        folder.write_json(CANDIDATE, candidate.to_json())
        retry_of = trial.user_attrs.get(RETRY_OF)
        resume_from = None if retry_of is None else self._folder.trial(retry_of).path
        self._running[trial.number] = (trial, candidate, sizes)
        self._listener.started(trial.number, candidate, sizes)
        self._executor.submit(Job(trial.number, candidate, folder.path, resume_from))

    def _reject(self, trial: Trial, record: TrialRecord, violations: Mapping[str, float]) -> None:
        self._tell(trial, replace(record, rejected=True), violations)
        self._rejected_on_end += 1
        if self._proposes and self._rejected_on_end >= REJECTIONS_ON_END:
            raise GansearchError(
                f"{self._rejected_on_end} candidates on end were refused before training, the last because "
                f"{record.reason}. The search space and the constraints hardly overlap."
            )

    def _violations(self, sizes: Mapping[str, float]) -> dict[str, float]:
        """By how much each constrained size is over its bounds, as a share of the bound."""
        return {
            name: bounds.violation(sizes[name]) / max(1.0, abs(bounds.max or bounds.min or 0.0))
            for name, bounds in self._spec.constraints.items()
        }

    # ------------------------------------------------------------------ tell

    def _end(self, event: Ended) -> None:
        trial, candidate, sizes = self._running.pop(event.trial)
        if isinstance(event.ending, Crash) and event.ending.traceback:
            self._folder.trial(event.trial).write_error(event.ending.traceback)
        record = _with_ending(self._record(trial, candidate, sizes), event.ending)
        deaths = trial.user_attrs.get(DEATHS, 0) + 1
        if isinstance(event.ending, Crash) and event.ending.kind == "died" and deaths < DEATHS_ALLOWED:
            # Who killed it is not known, so the candidate gets another chance.
            self._store.requeue(trial.number, record.reason, **{DEATHS: deaths})
            self._listener.ended(replace(record, retried=True))
            return
        self._trained += 1
        self._tell(trial, record, self._violations(sizes))

    def _tell(self, trial: Trial, record: TrialRecord, violations: Mapping[str, float]) -> None:
        """The one place that decides what a trial's end means to the sampler: verdict first, then figures.

        A healthy trial is COMPLETE. One that failed, or ended suspect, is never ranked: it is PRUNED
        with a violated constraint, so that the sampler learns to keep away. A crash is FAIL, from
        which nothing is learned.
        """
        values = [self._value(record, objective.metric) for objective in self._spec.objectives]
        if record.state == "complete" and not all(map(math.isfinite, values)):
            broken = [
                o.metric for o, value in zip(self._spec.objectives, values, strict=True) if not math.isfinite(value)
            ]
            record = replace(record, state="failed", reason=f"not measurable: {', '.join(broken)}")
        constraints = {"failure": float(record.state != "complete"), "invalid": 0.0}
        constraints |= dict.fromkeys(self._spec.constraints, 0.0) | dict(violations)
        ranked = record.state == "complete" or (
            record.state == "pruned" and not KINDS[self._spec.search.sampler].learns_from_pruned
        )
        self._store.tell(trial, record, self._worst_where_unknown(values) if ranked else None, constraints)
        self._finished += 1
        self._listener.ended(record)

    def _value(self, record: TrialRecord, metric: str) -> float:
        return record.figures.get(metric, math.nan)

    def _worst_where_unknown(self, values: list[float]) -> list[float]:
        return [
            value if math.isfinite(value) else math.inf * (1 if objective.direction == "minimize" else -1)
            for objective, value in zip(self._spec.objectives, values, strict=True)
        ]

    def _record(self, trial: Trial, candidate: Candidate, sizes: Mapping[str, float]) -> TrialRecord:
        return TrialRecord(
            number=trial.number,
            state="running",
            parameters=trial.params,
            candidate=candidate.to_json(),
            identity=candidate.identity,
            sizes=sizes,
            baseline=bool(trial.user_attrs.get(BASELINE)),
            retry_of=trial.user_attrs.get(RETRY_OF),
        )

    # ------------------------------------------------------------------ stop

    def _stop(self) -> None:
        """End what runs, and leave it queued."""
        if not self._running:
            return
        self._executor.stop(GRACE)
        for trial, _, _ in self._running.values():
            self._store.requeue(trial.number, "interrupted")
        self._running.clear()


def _with_ending(record: TrialRecord, ending: Ending) -> TrialRecord:
    if isinstance(ending, Crash):
        return replace(record, state="failed", reason=f"{ending.kind}: {ending.message}")
    return replace(
        record,
        state="complete" if ending.verdict.status == "healthy" else "pruned",
        verdict=ending.verdict,
        metrics=ending.metrics,
        signals=ending.signals,
        remedies=ending.remedies,
        steps=ending.steps,
        seconds=ending.seconds,
        stamp=ending.stamp,
    )
