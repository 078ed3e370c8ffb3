"""The driver: ask, gate, train, tell. The only writer of a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from optuna.trial import Trial

from gansearch.candidate import Candidate
from gansearch.errors import GansearchError
from gansearch.search.agenda import Agenda
from gansearch.search.executor import Executor
from gansearch.search.gate import Examined, Gate
from gansearch.search.pruning import Outdone, RungPruner
from gansearch.search.telling import Teller
from gansearch.storage.run_folder import CANDIDATE, TrialFolder
from gansearch.storage.trials import (
    BASELINE,
    CERTIFIES,
    DEATHS,
    GIVEN,
    RETRY_OF,
    SEED,
    VARIATION,
    TrialRecord,
    TrialStore,
)
from gansearch.trial import AtRung, Crash, Ended, Ending, Job, Progress

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


@dataclass
class _Running:
    """A trial that is being trained."""

    trial: Trial
    candidate: Candidate
    sizes: Mapping[str, float]
    violations: Mapping[str, float]
    outdone: Outdone | None = None


class Driver:
    """Trains what the agenda asks for, until it asks for nothing more."""

    def __init__(
        self,
        agenda: Agenda,
        gate: Gate,
        executor: Executor,
        pruner: RungPruner,
        teller: Teller,
        store: TrialStore,
        folders: Callable[[int], TrialFolder],
        listener: Listener,
        stop: Callable[[], bool] = lambda: False,
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
            stop: asked about four times a second whether to stop.
        """
        self._agenda, self._gate, self._executor, self._pruner, self._teller = agenda, gate, executor, pruner, teller
        self._store, self._folders, self._listener, self._stop_asked = store, folders, listener, stop
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
        """Fill the free slots; whether any more trials are wanted."""
        while (wanted := self._agenda.wants_more(len(self._running))) and len(self._running) < self._executor.slots:
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
        self._submit(_Running(trial, examined.candidate, examined.sizes, examined.violations))

    def _submit(self, running: _Running) -> None:
        trial, candidate = running.trial, running.candidate
        folder = self._folders(trial.number)
        folder.write_json(CANDIDATE, candidate.to_json())
        retry_of = trial.user_attrs.get(RETRY_OF)
        resume_from = None if retry_of is None else self._folders(retry_of).path
        self._running[trial.number] = running
        self._listener.started(trial.number, candidate, running.sizes)
        self._executor.submit(Job(trial.number, candidate, folder.path, trial.user_attrs.get(SEED), resume_from))

    def _refuse(self, trial: Trial, examined: Examined) -> None:
        record = _record(trial, examined.candidate, examined.sizes)
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
        attributes = running.trial.user_attrs
        if not (attributes.get(GIVEN) or attributes.get(VARIATION)):
            running.outdone = self._pruner.look(running.sizes, event.rung, self._healthy)
        self._executor.answer(event.trial, go_on=running.outdone is None)

    # ------------------------------------------------------------------ tell

    def _end(self, event: Ended) -> None:
        running = self._running.pop(event.trial)
        trial = running.trial
        if isinstance(event.ending, Crash) and event.ending.traceback:
            self._folders(event.trial).write_error(event.ending.traceback)
        record = _record(trial, running.candidate, running.sizes)
        record = _with_ending(record, event.ending, running.outdone)
        deaths = trial.user_attrs.get(DEATHS, 0) + 1
        if isinstance(event.ending, Crash) and event.ending.kind == "died" and deaths < DEATHS_ALLOWED:
            # Who killed it is not known, so the candidate gets another chance.
            self._store.requeue(trial.number, record.reason, **{DEATHS: deaths})
            self._listener.ended(replace(record, retried=True))
            return
        self._tell(trial, record, running.violations)

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


def _record(trial: Trial, candidate: Candidate | None, sizes: Mapping[str, float]) -> TrialRecord:
    """What is known of a trial before it is trained."""
    return TrialRecord(
        number=trial.number,
        state="running",
        parameters=trial.params,
        candidate={} if candidate is None else candidate.to_json(),
        identity="" if candidate is None else candidate.identity,
        sizes=sizes,
        baseline=bool(trial.user_attrs.get(BASELINE)),
        retry_of=trial.user_attrs.get(RETRY_OF),
        certifies=trial.user_attrs.get(CERTIFIES),
        seed=trial.user_attrs.get(SEED),
    )


def _with_ending(record: TrialRecord, ending: Ending, outdone: Outdone | None) -> TrialRecord:
    if isinstance(ending, Crash):
        return replace(record, state="failed", reason=f"{ending.kind}: {ending.message}")
    return replace(
        record,
        state="complete" if ending.verdict.status == "healthy" and outdone is None else "pruned",
        reason="" if outdone is None else outdone.reason,
        outdone_by=() if outdone is None else outdone.by,
        verdict=ending.verdict,
        metrics=ending.metrics,
        signals=ending.signals,
        rungs=ending.rungs,
        remedies=ending.remedies,
        steps=ending.steps,
        seconds=ending.seconds,
        stamp=ending.stamp,
    )
