"""Names and JSON of what we keep of a trial in Optuna's storage."""

from __future__ import annotations

from pydantic import TypeAdapter

from gansearch.trial_record import TrialRecord

RECORD, REJECTED = "record", "rejected"
"""Attributes that hold a trial's record, or the reason why its candidate was refused untrained."""
BASELINE, GIVEN, VARIATION = "baseline", "given", "variation"
"""Marks of candidates that the study names (the baseline has the first two), and of variations."""
CERTIFIES, SEED = "certifies", "seed"
"""Marks of the runs of a certification."""
DEATHS, ALONE = "deaths", "alone"
"""Number of times that the trial's process died; True for a trial that gets a GPU to itself."""

_RECORDS = TypeAdapter(TrialRecord)


def dump_record(record: TrialRecord) -> str:
    """Return a record as JSON."""
    return _RECORDS.dump_json(record).decode()


def load_record(content: str) -> TrialRecord:
    """Return the record that `dump_record` wrote.

    Raises:
        ValidationError: if it is damaged.
    """
    return _RECORDS.validate_json(content)


def certification_name(study: str) -> str:
    """Return the name of the Optuna study that holds the certification of a study."""
    return f"{study}/certification"
