"""Read the trials of a run folder without Optuna, whose import takes longer than the reading.

All that we keep of a trial is one attribute of Optuna's row (see trial_attributes). A shared
database is read through Optuna.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import ValidationError

from gansearch.errors import RunFolderError
from gansearch.storage.run_folder import DATABASE, RunFolder
from gansearch.storage.trial_attributes import RECORD, REJECTED, certification_name, load_record
from gansearch.trial_record import TrialRecord

if TYPE_CHECKING:
    from gansearch.storage.trial_store import TrialStore

_ATTRIBUTES = """
SELECT attributes.value_json FROM studies
JOIN trials USING (study_id) JOIN trial_user_attributes AS attributes USING (trial_id)
WHERE studies.study_name = ? AND attributes.key = ?
"""


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
    return len(_attributes(folder.path / DATABASE, spec.name, REJECTED))


def _records(folder: RunFolder, study: str) -> list[TrialRecord]:
    if folder.spec().storage is not None:
        return _store(folder, study).records()
    path = folder.path / DATABASE
    try:
        records = [load_record(text) for text in _attributes(path, study, RECORD)]
    except ValidationError as error:
        raise RunFolderError(f"{path} holds a damaged record: {error}") from None
    return sorted(records, key=lambda record: record.number)


def _attributes(path: Path, study: str, key: str) -> list[str]:
    """Return the values of an attribute of a study's trials."""
    if not path.is_file():
        raise RunFolderError(f"{path} does not exist: the study has not begun")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
            rows = database.execute(_ATTRIBUTES, (study, key)).fetchall()
        return [json.loads(value) for (value,) in rows]
    except (sqlite3.Error, ValueError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from None


def _store(folder: RunFolder, study: str) -> TrialStore:
    # Imported here: Optuna takes 0.4 s of CPU, and only a shared database needs it.
    from gansearch.storage.database import database_of
    from gansearch.storage.trial_store import TrialStore

    spec = folder.spec()
    database = database_of(folder.path, spec.storage)
    if study == spec.name:
        return TrialStore.read(database, study)
    stored = TrialStore.certification(database, spec.name)
    return stored or TrialStore.in_memory(study, spec.objectives)
