"""Trials as they are stored: an Optuna study in a database, with our own record of each trial.

A trial keeps one number, one folder and one row from its first step to its last. While it runs, is
paused or waits to be taken up after an interruption, Optuna knows it as RUNNING; it is told once,
at its end. Candidates that were refused before training are told to Optuna too, so that its sampler
learns from them, but they get no number: numbers count what was trained, from 0 without a gap.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from gansearch.errors import RunFolderError
from gansearch.storage.cached_storage import CachedStorage
from gansearch.storage.database import Database, database_of, located, require_trust, write_out
from gansearch.storage.postgresql import RESUMABLE
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_attributes import (
    GIVEN,
    RECORD,
    REJECTED,
    VARIATION,
    certification_name,
    dump_record,
    load_record,
)
from gansearch.study.spec import ObjectiveSpec
from gansearch.trial_record import Rejection, TrialRecord

optuna.logging.set_verbosity(optuna.logging.WARNING)


def forget_run(folder: RunFolder, url: str | None) -> None:
    """Delete a run: its trials in the database, then its files; call it with the lock held.

    Args:
        folder: the run folder.
        url: URL of the database with its password, where the trials are not in the folder.

    Raises:
        RunFolderError: if the database cannot be opened.
    """
    if folder.study_file.is_file():
        spec = folder.spec()
        if spec.storage is not None:
            require_trust(folder, spec.storage)
        database = database_of(folder.path, spec.storage and (url or spec.storage))
        with located(database):
            database.forget((spec.name, certification_name(spec.name)))
    folder.remove_trials()


class TrialStore:
    """The trials of one study. Only the driver, which holds the run folder's lock, may write."""

    def __init__(
        self,
        study: optuna.Study,
        database: Database | None = None,
        engine: sqlalchemy.Engine | None = None,
    ) -> None:
        self._study, self._database, self._engine = study, database, engine
        self._final: dict[int, TrialRecord | Rejection] = {}
        """Parsed records of trials that can no longer change, by Optuna's number."""

    @classmethod
    def open(cls, database: Database, name: str, objectives: Sequence[ObjectiveSpec]) -> Self:
        """Open a study for writing, creating what does not exist; hold it until it is closed.

        Raises:
            RunFolderError: if the database cannot be opened, or another driver holds it.
        """
        directions = [objective.direction for objective in objectives]
        with located(database), ExitStack() as opened:
            storage = database.writing(name.partition("/")[0])
            opened.callback(storage.engine.dispose)
            study = optuna.create_study(
                storage=CachedStorage(storage),
                study_name=name,
                directions=directions,
                load_if_exists=True,
            )
            database.claim(study)
            opened.pop_all()
        return cls(study, database, storage.engine)

    @classmethod
    def read(cls, database: Database, name: str) -> Self:
        """Open a study for reading.

        Raises:
            RunFolderError: if it does not exist or is damaged.
        """
        with located(database):
            storage = database.reading()
            study = optuna.load_study(study_name=name, storage=storage)
            return cls(study, database, storage.engine)

    @classmethod
    def certification(cls, database: Database, study: str) -> Self | None:
        """Open the certification of a study for reading; return None if there is none yet."""
        name = certification_name(study)
        with located(database):
            known = optuna.get_all_study_names(database.reading())
        return cls.read(database, name) if name in known else None

    @classmethod
    def in_memory(cls, name: str, objectives: Sequence[ObjectiveSpec]) -> Self:
        """Create a store that is gone with this process."""
        directions = [objective.direction for objective in objectives]
        return cls(optuna.create_study(study_name=name, directions=directions))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Close the database; re-raise its errors as a RunFolderError that names it."""
        if self._engine is not None:
            self._engine.dispose()
        if self._database is not None and isinstance(error, SQLAlchemyError | StorageInternalError):
            raise RunFolderError(f"{self._database.message(error)}. {RESUMABLE}") from error

    # ------------------------------------------------------------------ reading

    def records(self) -> list[TrialRecord]:
        """Return every trial that has begun, in order of its number."""
        records = [entry for entry in self._entries() if isinstance(entry, TrialRecord)]
        return sorted(records, key=lambda record: record.number)

    def record(self, number: int) -> TrialRecord:
        """Return one trial."""
        return next(record for record in self.records() if record.number == number)

    def with_optuna(self) -> list[tuple[TrialRecord, FrozenTrial]]:
        """Return every trial that has begun with Optuna's row of it."""
        pairs = zip(self._entries(), self._study.get_trials(deepcopy=False), strict=False)
        return [(entry, trial) for entry, trial in pairs if isinstance(entry, TrialRecord)]

    def rejections(self) -> list[Rejection]:
        """Return the candidates that were refused before training, oldest first."""
        return [entry for entry in self._entries() if isinstance(entry, Rejection)]

    def _entries(self) -> list[TrialRecord | Rejection | None]:
        """Return what is stored of each trial, parsed once if it is finished."""
        entries = []
        for trial in self._study.get_trials(deepcopy=False):
            entry = self._final.get(trial.number) or read_trial(trial)
            if entry is not None and trial.state.is_finished():
                self._final[trial.number] = entry
            entries.append(entry)
        return entries

    @property
    def asked(self) -> int:
        """Number of candidates asked for or queued so far, refused ones included."""
        return len(self._study.get_trials(deepcopy=False))

    @property
    def named(self) -> int:
        """Number of candidates that were queued because the study names them."""
        trials = self._study.get_trials(deepcopy=False)
        return sum(GIVEN in t.user_attrs or VARIATION in t.user_attrs for t in trials)

    @property
    def has_queued(self) -> bool:
        """True while a queued candidate has not been asked for."""
        return bool(self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

    def interrupted(self) -> list[Trial]:
        """Return the trials that a driver left unfinished when it ended, paused ones excluded."""
        found = []
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            entry = read_trial(trial)
            if not (isinstance(entry, TrialRecord) and entry.state == "paused"):
                found.append(self._reopen(trial))
        return found

    # ------------------------------------------------------------------ writing

    def enqueue(self, parameters: Mapping[str, Any], **marks: Any) -> None:
        """Queue a candidate; `ask` returns queued ones first."""
        self._study.enqueue_trial(dict(parameters), user_attrs=marks)

    def ask(self, sampler: BaseSampler) -> Trial:
        """Return the oldest queued candidate, or a new one whose values this sampler draws."""
        self._study.sampler = sampler
        return self._study.ask()

    def begin(self, trial: Trial, record: TrialRecord) -> TrialRecord:
        """Give a candidate that will be trained its number; return its record with it."""
        numbers = [known.number for known in self.records()]
        return self.update(trial, replace(record, number=max(numbers, default=-1) + 1))

    def update(self, trial: Trial, record: TrialRecord) -> TrialRecord:
        """Store the record of a trial that has not ended."""
        trial.set_user_attr(RECORD, dump_record(record))
        return record

    def known(self, trial: Trial) -> TrialRecord | None:
        """Return the record of a running trial; None if it has not begun."""
        content = trial.user_attrs.get(RECORD)
        return None if content is None else load_record(content)

    def promote(self, number: int) -> Trial:
        """Return a paused trial, to be trained on from its checkpoint."""
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        for trial in running:
            entry = read_trial(trial)
            if isinstance(entry, TrialRecord) and entry.number == number:
                return self._reopen(trial)
        raise KeyError(f"no paused trial {number}")

    def tell(
        self,
        trial: Trial,
        entry: TrialRecord | Rejection,
        values: Sequence[float] | None,
        constraints: Mapping[str, float],
    ) -> None:
        """End a trial. This is the one place where Optuna is told.

        Args:
            trial: the running trial.
            entry: its final record, or why its candidate was refused.
            values: values of the objectives, for a trial that Optuna should know as COMPLETE; None
                tells FAIL for a failed trial and PRUNED for any other.
            constraints: by name, violated where above 0. A trial without any would count as
                feasible, so every trial is told all of them.
        """
        if isinstance(entry, Rejection):
            failed = entry.repeats is not None
            trial.set_user_attr(REJECTED, entry.reason)
        else:
            failed = entry.state == "failed"
            self.update(trial, entry)
        with warnings.catch_warnings():
            # A driver that a full disk or a kill ended here has set some of them before.
            warnings.simplefilter("ignore", UserWarning)
            for name, violation in constraints.items():
                trial.set_constraint(name, violation)
        if values is not None:
            self._study.tell(trial, list(values))
        else:
            self._study.tell(trial, state=TrialState.FAIL if failed else TrialState.PRUNED)
        if self._engine is not None:
            write_out(self._engine)

    def _reopen(self, trial: FrozenTrial) -> Trial:
        """Return a handle on a running trial; the random sampler draws nothing when it is made."""
        self._study.sampler = RandomSampler()
        return Trial(self._study, trial._trial_id)


def read_trial(trial: FrozenTrial) -> TrialRecord | Rejection | None:
    """Return our record in an Optuna trial; None for a candidate that has not begun."""
    attributes = trial.user_attrs
    if RECORD in attributes:
        return load_record(attributes[RECORD])
    if REJECTED in attributes:
        return Rejection(trial.params, attributes[REJECTED])
    return None
