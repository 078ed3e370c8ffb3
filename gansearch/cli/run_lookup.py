"""Where runs are: a path, or a study's name under ./runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gansearch.errors import RunFolderError

if TYPE_CHECKING:
    from gansearch.storage.run_folder import RunFolder, TrialFolder
    from gansearch.trial_record import TrialRecord

RUNS = Path("runs")
"""Where a study's name is looked up."""
Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run folder, or the name of a study in ./runs.")
]


def find_run(run: Path) -> RunFolder:
    """The run folder of that path, or else of that study under ./runs.

    Raises:
        RunFolderError: when there is neither, or it is no run folder.
    """
    from gansearch.storage.run_folder import RunFolder

    for path in (run, RUNS / run):
        if path.exists():
            return RunFolder.open(path)
    raise RunFolderError(
        f"there is no run {str(run)!r}: neither {run.absolute()} nor {(RUNS / run).absolute()} exists"
    )


def read_records(folder: RunFolder) -> list[TrialRecord]:
    """Every trial of a run, in order of its number."""
    from gansearch.storage.trial_store import TrialStore

    return TrialStore.read(folder.database, folder.spec().name).records()


def read_certification(folder: RunFolder) -> list[TrialRecord]:
    """Every run that certifies a candidate of a run folder's study, in order of its number; often none."""
    from gansearch.storage.trial_store import TrialStore

    store = TrialStore.certification(folder.database, folder.spec().name)
    return [] if store is None else store.records()


def find_trial(folder: RunFolder, number: int) -> tuple[TrialRecord, TrialFolder]:
    """A trial of a run, and the files of the run that its figures are of.

    Raises:
        RunFolderError: when the run has no such trial.
    """
    records = {record.number: record for record in read_records(folder)}
    if number not in records:
        there = f"it has {min(records)} to {max(records)}" if records else "it has none yet"
        raise RunFolderError(f"{folder.path} has no trial {number}; {there}")
    return records[number], folder.trial(number).figured(records[number])


def relative(path: Path) -> Path:
    """A path as short as it can be told from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
