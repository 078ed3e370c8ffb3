"""Trials as they are kept: Optuna's study in a database, and the records that we keep in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from gansearch.errors import RunFolderError
from gansearch.signals import Remedy, Verdict
from gansearch.storage.cached_storage import CachedStorage
from gansearch.storage.database import RESUMABLE, Database, located, write_out
from gansearch.study.spec import ObjectiveSpec
from gansearch.trial_record import Rescue, Rung, State, TrialRecord

optuna.logging.set_verbosity(optuna.logging.WARNING)

RECORD, RETRY_OF, DEATHS = "record", "retry_of", "deaths"
BASELINE, GIVEN, VARIATION = "baseline", "given", "variation"
"""Marks of candidates that the study names outright (the baseline has both) and of the baseline's variations."""
CERTIFIES, SEED = "certifies", "seed"
"""Marks of the runs of a certification."""
CONTINUES = "continues"
"""Mark of a trial that takes up one that was given up at a rung."""
ALONE = "alone"
"""Mark of a trial that has its GPU to itself, since memory ran out on one that it shared."""
KEPT = (BASELINE, GIVEN, VARIATION, CERTIFIES, SEED, DEATHS, CONTINUES, ALONE)
"""Marks that a trial leaves to the one that takes its place."""


def read_record(trial: FrozenTrial) -> TrialRecord:
    """Read a trial of Optuna's."""
    attributes = trial.user_attrs
    told: dict[str, Any] = (
        json.loads(attributes[RECORD]) if RECORD in attributes else {"state": _STATES[trial.state]}
    )
    if told.get("verdict"):
        told["verdict"] = Verdict.from_json(told["verdict"])
    told["remedies"] = tuple(map(Remedy.from_json, told.get("remedies", ())))
    told["rungs"] = tuple(Rung(*rung) for rung in told.get("rungs", ()))
    told["dominated_by"] = tuple(told.get("dominated_by", ()))
    if told.get("rescue"):
        told["rescue"] = Rescue.from_json(told["rescue"])
    return TrialRecord(
        number=trial.number,
        parameters=trial.params or trial.system_attrs.get("fixed_params", {}),
        baseline=bool(attributes.get(BASELINE)),
        given=bool(attributes.get(GIVEN)),
        variation=bool(attributes.get(VARIATION)),
        retry_of=attributes.get(RETRY_OF),
        continues=attributes.get(CONTINUES),
        certifies=attributes.get(CERTIFIES),
        seed=attributes.get(SEED),
        **told,
    )


_STATES: Mapping[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


def certification_name(study: str) -> str:
    """Under which the runs that certify a study's candidates are kept beside its trials."""
    return f"{study}/certification"


class TrialStore:
    """The trials of one study. Only the driver, which holds the run folder's lock, calls what writes."""

    def __init__(
        self,
        study: optuna.Study,
        database: Database | None = None,
        engine: sqlalchemy.Engine | None = None,
    ) -> None:
        self._study, self._database, self._engine = study, database, engine
        self._finished: dict[int, TrialRecord] = {}

    @classmethod
    def open(cls, database: Database, name: str, objectives: Sequence[ObjectiveSpec]) -> Self:
        """Open a study's database for writing, creating what there is none of; it is held until it is closed.

        Raises:
            RunFolderError: when the database cannot be had, or another driver has it.
        """
        directions = [objective.direction for objective in objectives]
        with located(database), ExitStack() as opened:
            storage = database.writing(name.partition("/")[0])
            opened.callback(storage.engine.dispose)
            mirror = CachedStorage(storage)
            study = optuna.create_study(
                storage=mirror, study_name=name, directions=directions, load_if_exists=True
            )
            database.claim(study)
            opened.pop_all()
        return cls(study, database, storage.engine)

    @classmethod
    def read(cls, database: Database, name: str) -> Self:
        """Open a study's database for reading.

        Raises:
            RunFolderError: when there is none, or it is damaged.
        """
        with located(database):
            storage = database.reading()
            return cls(
                optuna.load_study(study_name=name, storage=storage), database, storage.engine
            )

    @classmethod
    def certification(cls, database: Database, study: str) -> Self | None:
        """Open the runs that certify a study's candidates for reading; None where there are none yet."""
        name = certification_name(study)
        with located(database):
            known = optuna.get_all_study_names(database.reading())
        return cls.read(database, name) if name in known else None

    @staticmethod
    def forget(database: Database, study: str) -> None:
        """Delete a study's trials, and the runs that certify its candidates.

        Raises:
            RunFolderError: when the database cannot be had, or another driver is at work on the study.
        """
        with located(database):
            database.forget((study, certification_name(study)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Let go of the database, and tell of what went wrong with it."""
        if self._engine is not None:
            self._engine.dispose()
        if self._database is not None and isinstance(error, SQLAlchemyError | StorageInternalError):
            raise RunFolderError(f"{self._database.told(error)}. {RESUMABLE}") from error

    def records(self) -> list[TrialRecord]:
        """Every trial, in order of its number."""
        records = [self._read(trial) for trial in self._study.get_trials(deepcopy=False)]
        for number in {record.continues for record in records if record.continues is not None}:
            if not records[number].retried:
                records[number] = self._finished[number] = replace(records[number], retried=True)
        return records

    @classmethod
    def in_memory(cls, name: str, objectives: Sequence[ObjectiveSpec]) -> Self:
        """The trials of a study that nobody wants to keep."""
        return cls(
            optuna.create_study(study_name=name, directions=[o.direction for o in objectives])
        )

    def record(self, number: int) -> TrialRecord:
        """One trial."""
        return self._read(self._study.get_trials(deepcopy=False)[number])

    def _read(self, trial: FrozenTrial) -> TrialRecord:
        """A trial's record; that of a finished one is read once, since nothing can change it any more."""
        if not trial.state.is_finished():
            return read_record(trial)
        if trial.number not in self._finished:
            self._finished[trial.number] = read_record(trial)
        return self._finished[trial.number]

    @property
    def directions(self) -> list[str]:
        return [direction.name.lower() for direction in self._study.directions]

    def count(self, *states: TrialState) -> int:
        return len(self._study.get_trials(deepcopy=False, states=states))

    def enqueue(self, parameters: Mapping[str, Any], **attributes: Any) -> None:
        """Have these parameters asked next."""
        self._study.enqueue_trial(dict(parameters), user_attrs=attributes)

    def ask(self, sampler: BaseSampler) -> Trial:
        """A new running trial whose values are drawn by this sampler."""
        self._study.sampler = sampler
        return self._study.ask()

    def tell(
        self,
        trial: Trial,
        record: TrialRecord,
        values: Sequence[float] | None,
        constraints: Mapping[str, float],
    ) -> None:
        """End a trial; the one place where Optuna hears of an ending.

        Args:
            trial: the running trial.
            record: what is kept of it.
            values: of the objectives, for a trial that Optuna should know as COMPLETE; None tells
                it PRUNED or FAIL, as the record's state says.
            constraints: by name, each violated where above 0. A trial without any would count as
                feasible, so every trial is told all of them.
        """
        trial.set_user_attr(RECORD, json.dumps(record.to_json()))
        for name, violation in constraints.items():
            trial.set_constraint(name, violation)
        if values is not None:
            self._study.tell(trial, list(values))
        else:
            self._study.tell(
                trial, state=TrialState.FAIL if record.state == "failed" else TrialState.PRUNED
            )
        if self._engine is not None:
            write_out(self._engine)

    def requeue_interrupted(self) -> list[int]:
        """Queue again what a driver left running when it died; gives the numbers of those trials."""
        interrupted = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        for trial in interrupted:
            self.requeue(trial.number, "interrupted")
        return [trial.number for trial in interrupted]

    def requeue(self, number: int, reason: str, **attributes: Any) -> None:
        """End a running trial that told nothing of its candidate, and have its parameters asked again."""
        trials = self._study.get_trials(deepcopy=False)
        trial = trials[number]
        parameters = trial.params or trial.system_attrs.get("fixed_params", {})
        known = (
            bool(parameters) or "fixed_params" in trial.system_attrs
        )  # a candidate may have nothing to search
        # Queued first and ended second: killed in between, the driver finds the successor and adds no other.
        if known and number not in (other.user_attrs.get(RETRY_OF) for other in trials):
            kept = {name: trial.user_attrs[name] for name in KEPT if name in trial.user_attrs}
            self.enqueue(parameters, **kept | attributes | {RETRY_OF: number})
        record = TrialRecord(number, "failed", parameters, reason=reason, retried=True)
        self._study._storage.set_trial_user_attr(
            trial._trial_id, RECORD, json.dumps(record.to_json())
        )
        self._study.tell(number, state=TrialState.FAIL)
