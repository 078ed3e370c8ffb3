"""The driver: ask, gate, train, tell. The only writer of a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from optuna.trial import Trial

from gansearch.candidate import Candidate
from gansearch.errors import GansearchError
from gansearch.execution.executor import Executor
from gansearch.messages import AtRung, Crash, Decision, Ended, Ending, Job, Progress
from gansearch.search.feasibility import Feasibility, FeasibilityCheck
from gansearch.search.pruning import PruneDecision, RungPruner
from gansearch.search.record_keeping import begun, ended
from gansearch.search.rescue import Rescuer, SecondChance, both_told
from gansearch.search.searcher import Searcher
from gansearch.search.tell_policy import TellPolicy
from gansearch.signals import Remedy
from gansearch.storage.run_folder import CANDIDATE, TrialFolder
from gansearch.storage.trial_store import ALONE, DEATHS, TrialStore
from gansearch.trial_record import TrialRecord

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

    def rescuing(self, record: TrialRecord, remedy: Remedy) -> None:
        """A trial's run ended like this, and it is trained once more, with a remedy."""

    def ended(self, record: TrialRecord) -> None:
        """A trial ended, or was refused before it began."""

    def idle(self) -> None:
        """Called about four times a second."""


@dataclass(kw_only=True)
class _Running:
    """A trial that is being trained."""

    trial: Trial
    candidate: Candidate
    record: TrialRecord
    violations: Mapping[str, float]
    folder: TrialFolder
    outdone: PruneDecision | None = None


@dataclass(kw_only=True)
class _SecondRun(_Running):
    """One that is trained once more, with a remedy."""

    first: _Running
    """With the record of how that ended."""
    remedy: Remedy


def _marks_of_another_try(trial: Trial, ending: Ending) -> dict[str, Any]:
    """What marks the trial that takes the place of one whose ending says nothing of its candidate; else nothing."""
    if not isinstance(ending, Crash):
        return {}
    if ending.crowded:  # whose memory it was that ran out is not known
        return {ALONE: True}
    deaths = trial.user_attrs.get(DEATHS, 0) + 1
    return (
        {DEATHS: deaths} if ending.kind == "died" and deaths < DEATHS_ALLOWED else {}
    )  # nor is who killed it


class Driver:
    """Trains what the agenda asks for, until it asks for nothing more."""

    def __init__(
        self,
        agenda: Searcher,
        gate: FeasibilityCheck,
        executor: Executor,
        pruner: RungPruner,
        teller: TellPolicy,
        store: TrialStore,
        folders: Callable[[int], TrialFolder],
        listener: Listener,
        stop: Callable[[], bool] = lambda: False,
        rescuer: Rescuer | None = None,
    ) -> None:
        """Put together those who take part.

        Args:
            agenda: says what is tried next.
            gate: says what is not worth a training.
            executor: trains.
            pruner: says what is not worth going on with.
            teller: says what an end means to the sampler.
            store: keeps it.
            folders: where each trial keeps its files.
            listener: told of all that happens.
            stop: asked about four times a second, and before each start, whether to stop.
            rescuer: says which runs get a second chance; without it none does.
        """
        self._agenda, self._gate, self._executor, self._pruner, self._teller = (
            agenda,
            gate,
            executor,
            pruner,
            teller,
        )
        self._store, self._folders, self._listener, self._stop_asked = (
            store,
            folders,
            listener,
            stop,
        )
        self._rescuer = rescuer
        self._running: dict[int, _Running] = {}
        self._healthy: list[TrialRecord] = []
        self._rejected_on_end = 0

    def run(self) -> None:
        """Search. What was interrupted before is taken up first; a stop leaves all of it resumable."""
        self._store.requeue_interrupted()
        records = self._store.records()
        self._agenda.begin(records)
        self._healthy = [record for record in records if record.state == "complete"]
        self._listener.began(records, self._executor.slots)
        try:
            while not self._stop_asked() and (self._start_due() or self._running):
                for event in self._executor.events(timeout=0.25):
                    match event:
                        case Progress():
                            self._listener.progressed(event)
                        case AtRung():
                            self._compare(event)
                        case Ended():
                            self._end(event)
                self._listener.idle()
        finally:
            self._stop()

    # ------------------------------------------------------------------ ask and gate

    def _start_due(self) -> bool:
        """Fill the free slots, until it should stop; whether any more trials are wanted."""
        while wanted := self._agenda.wants_more(len(self._running)):
            if len(self._running) >= self._executor.slots or self._stop_asked():
                break
            self._start_one()
        return wanted

    def _start_one(self) -> None:
        """Ask for a candidate, and either refuse it unseen or have it trained."""
        trial = self._agenda.ask(len(self._running))
        examined = self._gate.examine(trial)
        if examined.candidate is None or examined.refusal:
            self._refuse(trial, examined)
            return
        self._rejected_on_end = 0
        running = _Running(
            trial=trial,
            candidate=examined.candidate,
            record=begun(trial, examined),
            violations=examined.violations,
            folder=self._folders(trial.number),
        )
        taken_up = (
            running.record.continues if running.record.retry_of is None else running.record.retry_of
        )
        self._listener.started(trial.number, running.candidate, examined.sizes)
        self._submit(
            running, resume_from=None if taken_up is None else self._folders(taken_up).path
        )

    def _submit(self, running: _Running, resume_from: Path | None = None) -> None:
        number, record = running.trial.number, running.record
        running.folder.write_json(CANDIDATE, running.candidate.to_json())
        self._running[number] = running
        alone = bool(running.trial.user_attrs.get(ALONE))
        job = Job(number, running.candidate, running.folder.path, record.seed, resume_from, alone)
        self._executor.submit(job)

    def _refuse(self, trial: Trial, examined: Feasibility) -> None:
        record = begun(trial, examined)
        if examined.broken:
            self._tell(trial, replace(record, state="failed", reason=examined.refusal), {})
            return
        record = replace(record, state="pruned", reason=examined.refusal, rejected=True)
        self._tell(trial, record, examined.violations)
        self._rejected_on_end += 1
        if self._agenda.proposes and self._rejected_on_end >= REJECTIONS_ON_END:
            raise GansearchError(
                f"{self._rejected_on_end} candidates on end were refused before training, the last because "
                f"{record.reason}. The search space and the constraints hardly overlap."
            )

    # ------------------------------------------------------------------ compare

    def _compare(self, event: AtRung) -> None:
        """Say whether a trial may go on from a rung. What the study names outright always may."""
        running = self._running[event.trial]
        if not (
            running.record.given
            or running.record.variation
            or self._was_set_aside_at(running, event)
        ):
            running.outdone = self._pruner.look(running.record.sizes, event.rungs, self._healthy)
        decision = Decision.CONTINUE if running.outdone is None else Decision.PAUSE
        self._executor.answer(event.trial, decision)

    def _was_set_aside_at(self, running: _Running, event: AtRung) -> bool:
        """Whether a trial takes up another one, and has not come further than that yet."""
        continued = running.record.continues
        return continued is not None and event.rungs[-1].step <= self._store.record(continued).steps

    # ------------------------------------------------------------------ tell

    def _end(self, event: Ended) -> None:
        running = self._running.pop(event.trial)
        trial = running.trial
        if isinstance(event.ending, Crash) and event.ending.traceback:
            running.folder.write_error(event.ending.traceback)
        record = ended(running.record, event.ending, running.outdone)
        if marks := _marks_of_another_try(trial, event.ending):
            self._store.requeue(trial.number, record.reason, **marks)
            self._listener.ended(replace(record, retried=True))
            return
        running = replace(running, record=record)
        if isinstance(running, _SecondRun):
            self._tell_both(running)
        elif chance := self._rescuer and self._rescuer.look(record, running.candidate):
            self._rescue(running, chance)
        else:
            self._tell(trial, record, running.violations)

    def _rescue(self, first: _Running, chance: SecondChance) -> None:
        """Train a trial once more, from scratch, with a remedy."""
        self._listener.rescuing(first.record, chance.remedy)
        self._submit(
            _SecondRun(
                trial=first.trial,
                candidate=chance.candidate,
                record=begun(first.trial, chance.examined),
                violations=chance.examined.violations,
                folder=first.folder.rescue,
                first=first,
                remedy=chance.remedy,
            )
        )

    def _tell_both(self, second: _SecondRun) -> None:
        """End a trial that was trained twice."""
        # A second run that cannot be measured is no rescue either; it is the teller who knows.
        measured = self._teller.told(second.record, second.violations).record
        record = both_told(second.remedy, second.first.record, measured)
        self._tell(second.trial, record, (second if record.rescued else second.first).violations)

    def _tell(self, trial: Trial, record: TrialRecord, violations: Mapping[str, float]) -> None:
        told = self._teller.told(record, violations)
        self._store.tell(trial, told.record, told.values, told.constraints)
        if told.record.state == "complete":
            self._healthy.append(told.record)
        self._agenda.ended(told.record)
        self._listener.ended(told.record)

    # ------------------------------------------------------------------ stop

    def _stop(self) -> None:
        """End what runs, and leave it queued."""
        if not self._running:
            return
        self._executor.stop(GRACE)
        for number in self._running:
            self._store.requeue(number, "interrupted")
        self._running.clear()
