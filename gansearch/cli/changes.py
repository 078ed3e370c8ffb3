"""`gansearch changes`."""

from __future__ import annotations

from gansearch.cli.output import Json, console, print_json
from gansearch.cli.run_lookup import Run, find_run
from gansearch.ranking.pareto import healthy_trials
from gansearch.report.changes import Changes, ChangesTable
from gansearch.report.importances_table import ImportancesTable
from gansearch.storage.trial_reader import read_records
from gansearch.trial_record import TrialRecord


def show_changes(run: Run, json: Json = False) -> None:
    """Group the trials by their changes to the baseline, or say which parameters matter.

    The latter where most trials differ from the baseline in more than two fields.
    """
    folder = find_run(run)
    records = read_records(folder)
    changes = Changes.of(folder.spec(), records)
    importances: dict[str, float] = {}
    healthy: list[TrialRecord] = []
    if changes.vary_together and changes.quality is not None:
        # Imported here: Optuna takes 0.4 s of CPU, which a run of single changes need not wait for.
        from gansearch.storage.importances import parameter_importances

        healthy = healthy_trials(records, [changes.quality])
        importances = parameter_importances(folder, changes.quality, healthy)
    if json:
        print_json(changes.to_json() | {"importances": importances})
    elif changes.vary_together:
        console().print(ImportancesTable(changes.quality, importances, healthy))
    else:
        console().print(ChangesTable(changes))
