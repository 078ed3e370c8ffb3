"""Driver: ask for a candidate, check it, have it trained, compare it at rungs, tell how it ended.

The driver is the only writer of a study. It decides nothing by itself: the searcher says what is
trained next, the feasibility check what is refused, the pruner what is paused or stopped, the tell
policy what the sampler learns. Every event is logged, with its reason.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from optuna.trial import Trial

from gansearch.candidate import Candidate
from gansearch.errors import GansearchError, MachineError
from gansearch.execution.executor import Executor
from gansearch.messages import AtRung, Crash, Decision, Ended, Job, Progress
from gansearch.search.feasibility import Feasibility, FeasibilityCheck
from gansearch.search.listener import Listener, ListenerGroup
from gansearch.search.pruning import CONTINUE, PruneDecision, RungPruner
from gansearch.search.record_keeping import new_record, record_of_ending
from gansearch.search.rescue import RescuePlan, Rescuer, rescued_record
from gansearch.search.searcher import Searcher
from gansearch.search.tell_policy import TellPolicy
from gansearch.search.time_budget import TimeBudget
from gansearch.signals import Remedy
from gansearch.storage.trial_attributes import ALONE, DEATHS
from gansearch.storage.trial_folder import CANDIDATE, TrialFolder
from gansearch.storage.trial_store import TrialStore
from gansearch.trial_record import Rejection, TrialRecord

log = logging.getLogger(__name__)

REJECTIONS_ALLOWED = 200
"""Candidates refused in a row after which the driver gives up."""
DEATHS_ALLOWED = 2
"""Deaths of its process after which a candidate is given up."""
GRACE = 8.0
"""Seconds that running trials get to write a checkpoint when the search is stopped."""


@dataclass(kw_only=True)
class _Running:
    """A trial that is being trained."""

    trial: Trial
    candidate: Candidate
    record: TrialRecord
    violations: Mapping[str, float]
    folder: TrialFolder
    pruning: PruneDecision = CONTINUE


@dataclass(kw_only=True)
class _SecondRun(_Running):
    """A trial that is trained once more, from scratch, with a remedy."""

    first: _Running
    remedy: Remedy


class Driver:
    """Loop that trains the trials of a searcher until it has no more."""

    def __init__(
        self,
        *,
        searcher: Searcher,
        feasibility: FeasibilityCheck,
        executor: Executor,
        pruner: RungPruner,
        tell_policy: TellPolicy,
        store: TrialStore,
        folder_of: Callable[[int], TrialFolder],
        listener: Listener,
        stop: Callable[[], bool] = lambda: False,
        rescuer: Rescuer | None = None,
        budget: TimeBudget | None = None,
    ) -> None:
        """Assemble a driver.

        Args:
            searcher: chooses the trial to start next.
            feasibility: counts and checks a candidate before training.
            executor: trains candidates.
            pruner: decides at rungs.
            tell_policy: translates an ending for the sampler.
            store: keeps the trials.
            folder_of: returns the folder of a trial by its number.
            listener: observes.
            stop: asked about four times a second, and before each start, whether to stop.
            rescuer: chooses a remedy for a second run; without it there are none.
            budget: time after which no further trial is started, and those that run are stopped.
        """
        self._searcher, self._feasibility, self._executor = searcher, feasibility, executor
        self._pruner, self._tell_policy, self._store = pruner, tell_policy, store
        self._folder_of, self._stop_asked = folder_of, stop
        self._listener = listener if budget is None else ListenerGroup(budget, listener)
        self._rescuer, self._budget = rescuer, budget
        self._running: dict[int, _Running] = {}
        self._interrupted: deque[Trial] = deque()
        self._healthy: list[TrialRecord] = []
        self._number_of: dict[str, int] = {}
        self._rejected_in_a_row = 0
        self._nothing_wanted = False

    def run(self) -> None:
        """Search, beginning with the trials that were interrupted; a stop leaves all resumable."""
        records = self._store.records()
        self._interrupted.extend(self._store.interrupted())
        self._searcher.begin(records)
        self._healthy = [record for record in records if record.state == "complete"]
        self._number_of = {record.identity: record.number for record in records}
        log.info(
            "begins with %d trials, %d of them interrupted, on %d slots",
            len(records),
            len(self._interrupted),
            self._executor.slots,
        )
        self._listener.began(records, self._executor.slots)
        try:
            while not (self._stop_asked() or self._is_over()):
                self._fill_slots()
                if not self._running:
                    break
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
            # Trials that run stay running in the store; the next run of the study resumes them.
            if self._running:
                log.info("stops with %d trials running, to be taken up later", len(self._running))
                self._executor.stop(GRACE)
                self._running.clear()

    def _is_over(self) -> bool:
        """Return True if the time is over for the trials that are being trained too."""
        return self._budget is not None and self._budget.stops_running

    # ------------------------------------------------------------------ ask and check

    def _fill_slots(self) -> None:
        """Start trials until all slots are taken or nothing more is wanted."""
        while len(self._running) < self._executor.slots and not self._stop_asked():
            if self._interrupted:
                self._start(self._interrupted.popleft())
                continue
            if self._nothing_wanted:
                return
            if self._budget is not None and self._budget.is_spent:
                self._nothing_wanted = True
                log.info("starts no further trial: search.timeout leaves no time for one")
                return
            trial = self._searcher.next_trial(len(self._running))
            if trial is None:
                self._nothing_wanted = True  # until a trial ends
                if self._searcher.exhausted and not self._running:
                    log.info("every candidate of the search space has been tried")
                    self._listener.exhausted()
                return
            self._start(trial)

    def _start(self, trial: Trial) -> None:
        """Check a trial's candidate and have it trained, from its checkpoint if it began before."""
        known = self._store.known(trial)
        feasibility = self._feasibility.examine(trial)
        record = known or new_record(trial, feasibility)

        # Refuse it
        if feasibility.broken or (feasibility.candidate is None and known):
            record = self._begin(trial, record)
            self._tell(trial, replace(record, state="failed", reason=feasibility.refusal), {})
            return
        if known is None and (rejection := self._rejection(record, feasibility)):
            self._reject(trial, rejection, feasibility.violations)
            return

        # Train it
        assert feasibility.candidate is not None, "a candidate that cannot be drawn is refused"
        self._rejected_in_a_row = 0
        record = self._begin(trial, record)
        objectives = {objective.metric for objective in self._tell_policy.objectives}
        names = [name for name in record.sizes if name in objectives] or ["generator_params"]
        sizes = ", ".join(f"{name} {record.sizes.get(name, math.nan):,.6g}" for name in names)
        log.info("trial %d %s: %s", record.number, "goes on" if known else "starts", sizes)
        self._listener.started(record)
        running = _Running(
            trial=trial,
            candidate=feasibility.candidate,
            record=record,
            violations=feasibility.violations,
            folder=self._folder_of(record.number),
        )
        self._submit(running, resume=known is not None)

    def _begin(self, trial: Trial, record: TrialRecord) -> TrialRecord:
        """Store that a trial is being trained; a new one gets its number."""
        running = replace(record, state="running", reason="", dominated_by=())
        if record.number >= 0:
            return self._store.update(trial, running)
        running = self._store.begin(trial, running)
        self._number_of.setdefault(running.identity, running.number)
        return running

    def _rejection(self, record: TrialRecord, feasibility: Feasibility) -> Rejection | None:
        """Return why a new candidate is not trained; None if it is."""
        if feasibility.refusal:
            return Rejection(record.parameters, feasibility.refusal)
        number = self._number_of.get(record.identity)
        if number is None or record.given or record.variation:
            return None
        return Rejection(record.parameters, f"same candidate as trial {number}", number)

    def _reject(self, trial: Trial, rejection: Rejection, violations: Mapping[str, float]) -> None:
        log.info("rejected before training: %s", rejection.reason)
        told = self._tell_policy.rejected(rejection, violations)
        self._store.tell(trial, told.entry, told.values, told.constraints)
        self._searcher.rejected(rejection)
        self._listener.rejected(rejection)
        self._rejected_in_a_row += 1
        if self._rejected_in_a_row >= REJECTIONS_ALLOWED:
            raise GansearchError(
                f"rejected {self._rejected_in_a_row} candidates in a row before training "
                f"(last reason: {rejection.reason}); widen `constraints` or the search space"
            )

    def _submit(self, running: _Running, *, resume: bool) -> None:
        """Hand a trial to the executor."""
        number, record = running.record.number, running.record
        running.folder.write_json(CANDIDATE, running.candidate.to_json())
        self._running[number] = running
        self._executor.submit(
            Job(
                number,
                running.candidate,
                running.folder.path,
                seed=record.seed,
                resume_from=running.folder.path if resume else None,
                alone=bool(running.trial.user_attrs.get(ALONE)),
            )
        )

    # ------------------------------------------------------------------ compare

    def _compare(self, event: AtRung) -> None:
        """Decide about a trial at a rung. Candidates that the study names always continue."""
        running, at = self._running[event.trial], event.rungs[-1]
        passed_before = any(rung.step >= at.step for rung in running.record.rungs)
        if not (running.record.given or running.record.variation or passed_before):
            running.pruning = self._pruner.decide(running.record.sizes, event.rungs, self._healthy)
        decision = running.pruning.decision
        if decision is not Decision.CONTINUE:
            log.info("trial %d: %s at step %d", event.trial, decision.value, at.step)
        self._executor.answer(event.trial, decision)

    # ------------------------------------------------------------------ tell

    def _end(self, event: Ended) -> None:
        """Train a trial again where its process died or a remedy fits; otherwise tell its end."""
        running = self._running.pop(event.trial)
        self._nothing_wanted = False
        if isinstance(event.ending, Crash):
            if event.ending.kind == "machine":
                # The trial stays running in the store, so the next driver takes it up.
                log.error("stops: trial %d met %s", event.trial, event.ending.message)
                raise MachineError(event.ending.message)
            if event.ending.traceback:
                running.folder.write_error(event.ending.traceback)
            if self._may_retry(running.trial, event.ending):
                reason = f"{event.ending.kind}: {event.ending.message}"
                log.warning("trial %d is trained again: %s", event.trial, reason)
                self._listener.retrying(running.record, reason)
                self._submit(running, resume=True)
                return
        record = record_of_ending(running.record, event.ending, running.pruning)
        if record.state == "paused":
            self._store.update(running.trial, record)
            self._report(record)
        elif isinstance(running, _SecondRun):
            # A second run without finite figures is no rescue; the tell policy finds that out.
            measured = self._tell_policy.ended(record, running.violations).entry
            assert isinstance(measured, TrialRecord)
            record = rescued_record(running.remedy, running.first.record, measured)
            better = running if record.rescued else running.first
            self._tell(running.trial, record, better.violations)
        elif plan := self._rescuer and self._rescuer.plan(record, running.candidate):
            self._rescue(replace(running, record=record), plan)
        else:
            self._tell(running.trial, record, running.violations)

    def _may_retry(self, trial: Trial, crash: Crash) -> bool:
        """Count a crash that says nothing about the candidate; return True for a retry."""
        if crash.crowded:  # nobody knows whose memory it was that ran out
            trial.set_user_attr(ALONE, True)
            return True
        if crash.kind != "died":
            return False
        deaths: int = trial.user_attrs.get(DEATHS, 0) + 1
        trial.set_user_attr(DEATHS, deaths)
        return deaths < DEATHS_ALLOWED

    def _rescue(self, first: _Running, plan: RescuePlan) -> None:
        """Train a trial once more, from scratch, with a remedy."""
        log.info("trial %d is trained again: %s", first.record.number, plan.remedy.title)
        self._listener.rescuing(first.record, plan.remedy)
        second = _SecondRun(
            trial=first.trial,
            candidate=plan.candidate,
            record=plan.record(first.record),
            violations=plan.feasibility.violations,
            folder=first.folder.rescue,
            first=first,
            remedy=plan.remedy,
        )
        self._submit(second, resume=False)

    def _tell(self, trial: Trial, record: TrialRecord, violations: Mapping[str, float]) -> None:
        """Store a trial's end as the sampler learns of it."""
        told = self._tell_policy.ended(record, violations)
        self._store.tell(trial, told.entry, told.values, told.constraints)
        assert isinstance(told.entry, TrialRecord)
        if told.entry.state == "complete":
            self._healthy.append(told.entry)
        self._report(told.entry)

    def _report(self, record: TrialRecord) -> None:
        """Log a trial that ended or was paused, and pass it to searcher and listener."""
        verdict = record.verdict.status if record.verdict else "no verdict"
        why = f" ({record.reason})" if record.reason else ""
        log.info(
            "trial %d is %s at step %d, %s%s",
            record.number,
            record.state,
            record.steps,
            verdict,
            why,
        )
        self._searcher.ended(record)
        self._listener.ended(record)
