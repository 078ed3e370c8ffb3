"""Stored records of trials with another content, as if a run had stored them so."""

import json
import sqlite3
from contextlib import closing

from pydantic import TypeAdapter

from gansearch.storage.trial_attributes import dump_record
from gansearch.trial_record import TrialRecord


def replace_in_records(database, old, new):
    """Replace a text in the JSON of all records of a study.db."""
    with closing(sqlite3.connect(database)) as connection, connection:
        select = "SELECT rowid, value_json FROM trial_user_attributes WHERE key = 'record'"
        for row, stored in connection.execute(select).fetchall():
            content = json.loads(stored).partition(" ")[2].replace(old, new)
            record = dump_record(TypeAdapter(TrialRecord).validate_json(content))
            update = "UPDATE trial_user_attributes SET value_json = ? WHERE rowid = ?"
            connection.execute(update, (json.dumps(record), row))
