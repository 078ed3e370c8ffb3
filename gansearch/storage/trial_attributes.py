"""Names and JSON of what we keep of a trial in Optuna's storage."""

from __future__ import annotations

import hashlib
import re

from pydantic import TypeAdapter, ValidationError

from gansearch.errors import RunFolderError
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


class DamagedRecordError(RunFolderError):
    """A record that is not as it was stored."""


def dump_record(record: TrialRecord) -> str:
    """Return a record as JSON behind its digest, since SQLite does not notice a flipped bit."""
    content = _RECORDS.dump_json(record).decode()
    return f"{_digest(content)} {content}"


def load_record(stored: str) -> TrialRecord:
    """Return the record that `dump_record` wrote.

    Raises:
        DamagedRecordError: if it is damaged; the message names the trial where that can be told.
    """
    digest, _, content = stored.partition(" ")
    try:
        if digest == _digest(content):
            return _RECORDS.validate_json(content)
        reason = "it does not match its digest"
    except ValidationError as error:
        reason = str(error).partition("\n")[0]
    number = re.search(r'"number":(\d{1,9})\b', content)
    name = f"the record of trial {number[1]}" if number else "the record of a trial"
    raise DamagedRecordError(f"{name} is damaged: {reason}")


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def certification_name(study: str) -> str:
    """Return the name of the Optuna study that holds the certification of a study."""
    return f"{study}/certification"
