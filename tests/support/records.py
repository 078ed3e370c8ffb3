"""Records of trials in a study.db, changed after they were stored."""

import json
import sqlite3

from pydantic import TypeAdapter

from gansearch.storage.trial_attributes import RECORD, dump_record, load_record
from gansearch.trial_record import TrialRecord

RECORDS = TypeAdapter(TrialRecord)


def replace_in_records(run, old, new):
    """Store the records of a run anew with one text of their JSON in place of another.

    Returns:
        How many have changed.
    """
    changed = 0
    with sqlite3.connect(run / "study.db") as database:
        rows = database.execute(
            "SELECT trial_user_attribute_id, value_json FROM trial_user_attributes WHERE key = ?",
            (RECORD,),
        ).fetchall()
        for row, stored in rows:
            before = RECORDS.dump_json(load_record(json.loads(stored))).decode()
            after = RECORDS.validate_json(before.replace(old, new))
            changed += old in before
            database.execute(
                "UPDATE trial_user_attributes SET value_json = ? WHERE trial_user_attribute_id = ?",
                (json.dumps(dump_record(after)), row),
            )
    return changed
