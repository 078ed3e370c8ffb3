"""Trial that a run shows or gives away where none is named."""

from __future__ import annotations

from gansearch.errors import GansearchError
from gansearch.ranking.study_summary import RunSummary
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_reader import read_certification, read_records
from gansearch.trial_record import TrialRecord

NOTABLE = {
    "smallest_within_tolerance": "the smallest within tolerance",
    "best_any_size": "the best of any size",
}
"""Trials to choose where there is no champion: the first of these that exists."""


def summary_of(folder: RunFolder) -> RunSummary:
    """Return the summary of a run with its certification."""
    return RunSummary.of(folder.spec(), read_records(folder), runs=read_certification(folder))


def best_trial(folder: RunFolder, run: RunSummary) -> tuple[TrialRecord, str]:
    """Return the champion, or else a trial that stands out, and the reason in words.

    Raises:
        GansearchError: if no trial is healthy yet.
    """
    if run.summary.champion is not None:
        return run.summary.champion, "the champion"
    for name, why in NOTABLE.items():
        record = run.summary.notable_trials()[name]
        if record is not None:
            return record, why
    raise GansearchError(f"no trial of {folder.path} is healthy yet; choose another with --trial")
