"""`gansearch show`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gansearch.cli.output import Json, console, echo, output_path, print_json
from gansearch.cli.pareto import metric_objective
from gansearch.cli.run_lookup import Run, find_run, find_trial, read_run_certification
from gansearch.errors import RunFolderError
from gansearch.ranking.pareto import objectives_of
from gansearch.registry import unknown
from gansearch.report.trial_counts import verdict_name
from gansearch.report.trial_figures import figure_warnings, trial_row
from gansearch.report.trial_view import trial_json, trial_view
from gansearch.report.trials_table import TrialsTable, searched_parameters
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_folder import TrialFolder
from gansearch.storage.trial_reader import read_records
from gansearch.trial_record import TrialRecord

TITLE_WIDTH = 88
"""Characters of a line above the drawn signals."""


def show(
    run: Run,
    trial: Annotated[
        int | None,
        typer.Argument(
            metavar="TRIAL", help="Number of a trial; without it, all trials are listed.", min=0
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Order of the list: a metric, best first; or a searched value, verdict or state.",
        ),
    ] = None,
    paused: Annotated[
        bool, typer.Option("--paused", help="List paused trials too; --json always does.")
    ] = False,
    json: Json = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Draw its signals (.png, .svg, .pdf), or animate its samples (.gif).",
        ),
    ] = None,
) -> None:
    """Show all trials of a run in a table, or one in full."""
    path = None if output is None else output_path(output, (".png", ".svg", ".pdf", ".gif"))
    if trial is None and path is not None:
        raise typer.BadParameter(
            "a picture is of one trial: give its number before -o", param_hint="TRIAL"
        )
    folder = find_run(run)
    if trial is None:
        _show_all(folder, sort, paused=paused, json=json)
        return
    if sort is not None or paused:
        raise typer.BadParameter(
            "this is for the list of trials; leave the number of a trial out",
            param_hint="--sort, --paused",
        )
    record, files = find_trial(folder, trial)
    certificate = read_run_certification(folder).summary.certificates.get(trial)
    if json:
        print_json(trial_json(record, files, certificate))
    elif path is None:
        console().print(trial_view(record, files, certificate))
    if path is not None:
        _draw(folder.spec().name, record, files, path)
        echo(f"wrote {path}", err=True)


def _show_all(folder: RunFolder, sort: str | None, *, paused: bool, json: bool) -> None:
    spec, records = folder.spec(), read_records(folder)
    if sort is not None:
        records = _sorted(records, sort)
    if json:
        print_json({"study": spec.name, "trials": [trial_row(record) for record in records]})
    elif records:
        objectives = objectives_of(spec, records)
        qualities = [objective.metric for objective in objectives if objective.is_quality]
        shown = [record for record in records if paused or record.state != "paused"]
        out = console()
        out.print(TrialsTable(shown, qualities, searched_parameters(records)))
        if left := len(records) - len(shown):
            out.print(f"{left} paused at a rung and left out; --paused lists them too", style="dim")
    else:
        console().print("There are no trials yet.")


def _sorted(records: Sequence[TrialRecord], column: str) -> list[TrialRecord]:
    """Return the trials by a column: best first for a metric, unknown ones last."""
    texts = {"state": lambda record: record.state, "verdict": verdict_name}
    settings = {name for record in records for name in record.settings}
    numbers = {"trial", "steps", *(name for record in records for name in record.figures)}
    if column not in {*texts, *settings, *numbers}:
        raise typer.BadParameter(
            unknown("column", column, {*texts, *settings, *numbers}), param_hint="--sort"
        )

    def value(record: TrialRecord) -> Any:
        if column in texts:
            return texts[column](record)
        own = {"trial": record.number, "steps": record.steps}
        return (own | record.settings | record.figures).get(column)

    largest_first = False
    if any(column in record.figures for record in records):
        largest_first = metric_objective(column, records).direction == "maximize"
    known = [record for record in records if value(record) is not None]
    mixed = len({isinstance(value(record), str) for record in known}) > 1
    ordered = sorted(
        known,
        key=lambda record: str(value(record)) if mixed else value(record),
        reverse=largest_first,
    )
    return ordered + [record for record in records if value(record) is None]


def _draw(study: str, record: TrialRecord, files: TrialFolder, path: Path) -> None:
    # Imported here: matplotlib and pandas take 1.6 s of CPU, which the tables need not wait for.
    from gansearch.plots.animation import save_evolution
    from gansearch.plots.curves import curves_figure
    from gansearch.plots.figure_file import save_figure

    if path.suffix.lower() == ".gif":
        save_evolution(files.sample_grids(), path)
        return
    signals: Any = files.signals()
    if signals is None or signals.empty:
        raise RunFolderError(
            f"trial {record.number} has kept no signals, so there is nothing to draw"
        )
    verdict = record.verdict.status if record.verdict else record.state
    title = f"{study}, trial {record.number}: {verdict}"
    lines = [title, *(f"Warning: {warning}" for warning in figure_warnings([record]))]
    title = "\n".join(textwrap.fill(line, TITLE_WIDTH) for line in lines)
    save_figure(curves_figure(title, signals, record.verdict, files.predictions()), path)
