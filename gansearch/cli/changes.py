"""`gansearch changes`: what each change to the baseline did."""

from __future__ import annotations

from gansearch.cli.places import Run, find_run, read_records
from gansearch.cli.printing import Json, console, print_json


def show_changes(run: Run, json: Json = False) -> None:
    """Group the trials by what they change of the baseline: how many failed, when, and what made it healthy."""
    from gansearch.report.changes import Changes, ChangesTable

    folder = find_run(run)
    changes = Changes.of(folder.spec(), read_records(folder))
    if json:
        print_json(changes.to_json())
    else:
        console().print(ChangesTable(changes))
