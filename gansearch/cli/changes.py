"""`gansearch changes`."""

from __future__ import annotations

from gansearch.cli.output import Json, console, print_json
from gansearch.cli.run_lookup import Run, find_run
from gansearch.report.changes import Changes, ChangesTable
from gansearch.storage.trial_reader import read_records


def show_changes(run: Run, json: Json = False) -> None:
    """Group the trials by their changes to the baseline."""
    folder = find_run(run)
    changes = Changes.of(folder.spec(), read_records(folder))
    if json:
        print_json(changes.to_json())
    else:
        console().print(ChangesTable(changes))
