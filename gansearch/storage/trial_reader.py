"""Read the trials of a run folder without Optuna, whose import takes longer than the reading.

All that we keep of a trial is one attribute of Optuna's row (see trial_attributes). A shared
database is read through Optuna.

A trial whose record is damaged or missing is left out, and noted in the run folder's `damage`.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from gansearch.errors import RunFolderError
from gansearch.storage.run_folder import DATABASE, RunFolder
from gansearch.storage.trial_attributes import (
    RECORD,
    REJECTED,
    DamagedRecordError,
    certification_name,
    load_record,
)
from gansearch.trial_record import TrialRecord

if TYPE_CHECKING:
    from gansearch.storage.trial_store import TrialStore

_STUDIES = "SELECT study_id, study_name FROM studies"
_TRIALS = """
SELECT trials.trial_id, trials.study_id, trials.state, attributes.key, attributes.value_json
FROM trials LEFT JOIN trial_user_attributes AS attributes
ON trials.trial_id = attributes.trial_id AND attributes.key IN (?, ?)
"""
_UNFINISHED = ("RUNNING", "WAITING")
"""States of Optuna in which a trial need not have a record yet."""


def read_records(folder: RunFolder) -> list[TrialRecord]:
    """Return every trial of a search, in order of its number.

    Raises:
        RunFolderError: if the trials cannot be read.
    """
    return _records(folder, folder.spec().name)


def read_certification(folder: RunFolder) -> list[TrialRecord]:
    """Return every run of a study's certification, in order of its number; often none.

    Raises:
        RunFolderError: if the trials cannot be read.
    """
    return _records(folder, certification_name(folder.spec().name))


def count_rejections(folder: RunFolder) -> int:
    """Return the number of candidates that a search refused before training.

    Raises:
        RunFolderError: if the trials cannot be read.
    """
    spec = folder.spec()
    if spec.storage is not None:
        return len(_store(folder, spec.name).rejections())
    return sum(key == REJECTED for key, _ in _attributes(folder, spec.name))


def _records(folder: RunFolder, study: str) -> list[TrialRecord]:
    if folder.spec().storage is not None:
        return _store(folder, study).records()
    records = []
    for key, text in _attributes(folder, study):
        if key == RECORD:
            try:
                record = load_record(text)
            except DamagedRecordError as error:
                folder.note_damage(f"{folder.path / DATABASE}: {error}")
                continue
            # Only a certification's runs certify a trial.
            if (record.certifies is None) == (study == folder.spec().name):
                records.append(record)
            else:
                name = f"trial {record.number}"
                folder.note_damage(f"{folder.path / DATABASE}: {name} stands in another study")
    records.sort(key=lambda record: record.number)
    return _without_doubles(folder, records)


def _without_doubles(folder: RunFolder, records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return one record for each number; note numbers that are missing or stand twice."""
    found: dict[int, TrialRecord] = {}
    for record in records:
        if record.number in found:
            folder.note_damage(f"{folder.path / DATABASE}: trial {record.number} stands twice")
        found.setdefault(record.number, record)
    # A record of somebody else may have any number: six that are missing are enough.
    numbers = range(max(found, default=-1))
    missing = list(islice((number for number in numbers if number not in found), 6))
    if missing and not folder.damage:
        listed = ", ".join(map(str, missing[:5])) + (", ..." if missing[5:] else "")
        folder.note_damage(f"{folder.path / DATABASE}: trials are missing: {listed}")
    return list(found.values())


def _attributes(folder: RunFolder, study: str) -> list[tuple[str, str]]:
    """Return key and value of the records and rejections of a study's trials.

    Raises:
        RunFolderError: if the database cannot be read, or does not hold the run's study.
    """
    path, name = folder.path / DATABASE, folder.spec().name
    if not path.is_file():
        raise RunFolderError(f"{path} does not exist: the study has not begun")
    try:
        with closing(_connect(path)) as database:
            studies = {stored: key for key, stored in database.execute(_STUDIES)}
            rows = database.execute(_TRIALS, (RECORD, REJECTED)).fetchall()
        found = [
            (identity, of, state, key, "" if value is None else str(json.loads(value)))
            for identity, of, state, key, value in rows
        ]
    except (sqlite3.Error, ValueError, TypeError, RecursionError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from None
    if name not in studies or not studies.keys() <= {name, certification_name(name)}:
        listed = ", ".join(map(repr, studies)) or "none"
        raise RunFolderError(f"{path} is damaged: it holds the studies {listed}, not {name!r}")
    for identity, of, state, key, _ in found:
        if of not in studies.values() or (key is None and state not in _UNFINISHED):
            folder.note_damage(f"{path}: the record of the trial in row {identity} is missing")
    return [(key, value) for _, of, _, key, value in found if key and of == studies.get(study)]


def _connect(path: Path) -> sqlite3.Connection:
    """Open a database for reading, also on a disk that cannot be written.

    A reader of a write-ahead log makes a file beside the database. Where it cannot, and no driver
    has left a log to read, nobody else writes either.
    """
    log = path.with_name(f"{path.name}-wal")
    mode = "mode=ro"
    if not os.access(path.parent, os.W_OK) and not (log.is_file() and log.stat().st_size):
        mode = "mode=ro&immutable=1"
    return sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True)


def _store(folder: RunFolder, study: str) -> TrialStore:
    # Imported here: Optuna takes 0.4 s of CPU, and only a shared database needs it.
    from gansearch.storage.database import reading_database
    from gansearch.storage.trial_store import TrialStore

    spec = folder.spec()
    database = reading_database(folder)
    if study == spec.name:
        return TrialStore.read(database, study)
    stored = TrialStore.certification(database, spec.name)
    return stored or TrialStore.in_memory(study, spec.objectives)
