"""Runs by path, or by the name of a study in the folder of the runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from gansearch.cli.damage import opened
from gansearch.environment_variables import runs_folder
from gansearch.errors import RunFolderError
from gansearch.report.certificates import Certification
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_folder import VERDICT, TrialFolder
from gansearch.storage.trial_reader import read_certification, read_records
from gansearch.trial_record import TrialRecord

Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run folder, or the name of a study in ./runs.")
]


def find_run(run: Path) -> RunFolder:
    """Return the run folder of a path, or else of a study in the folder of the runs.

    Raises:
        RunFolderError: when neither exists, or it is not a run folder.
    """
    named = runs_folder() / run
    for path in (run, named):
        if path.exists():
            folder = RunFolder.open(path)
            opened.append(folder)
            return folder
    raise RunFolderError(
        f"there is no run {str(run)!r}: neither {run.absolute()} nor {named.absolute()} exists"
    )


def read_run_certification(folder: RunFolder) -> Certification:
    """Return the certification of a run, with its trials."""
    return Certification.of(folder.spec(), read_records(folder), read_certification(folder))


def find_trial(folder: RunFolder, number: int) -> tuple[TrialRecord, TrialFolder]:
    """Return a trial, and the folder with the files of the run that its figures are of.

    Raises:
        RunFolderError: when the run has no such trial.
    """
    records = {record.number: record for record in read_records(folder)}
    if number not in records:
        known = "it has none yet"
        if records:
            known = f"it has {min(records)} to {max(records)}"
        raise RunFolderError(f"{folder.path} has no trial {number}; {known}")
    record, files = records[number], folder.trial(number).figured(records[number])
    try:
        kept = files.verdict() if record.ended and record.verdict is not None else None
        if kept is not None and record.verdict is not None:
            stored = record.verdict.to_json()
            if _plain({key: kept.get(key) for key in stored}) != _plain(stored):
                folder.note_damage(f"{files.path / VERDICT} differs from the trial's record")
    except RunFolderError as error:
        folder.note_damage(str(error))
    return record, files


def _plain(verdict: Mapping[str, object]) -> str:
    """Return a verdict as JSON, which is equal also where it holds NaN."""
    return json.dumps(verdict, sort_keys=True, default=list)


def relative(path: Path) -> Path:
    """Return a path relative to the working directory where it lies below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
