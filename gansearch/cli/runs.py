"""`gansearch status` and `gansearch show`: what a run folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gansearch.cli.output import Json, console, output_path, print_json
from gansearch.cli.run_lookup import Run, find_run, find_trial, read_records
from gansearch.errors import RunFolderError

if TYPE_CHECKING:
    from gansearch.storage.run_folder import RunFolder, TrialFolder
    from gansearch.trial_record import TrialRecord


def status(run: Run, json: Json = False) -> None:
    """Count the trials of a run by state and verdict."""
    from rich.text import Text

    from gansearch.cli.certify import certification_in
    from gansearch.report.certificates import certification_status
    from gansearch.report.trial_counts import (
        condemned,
        condemned_table,
        status_json,
        tally_line,
        tally_lines,
    )

    certification = certification_in(find_run(run))
    spec, records = certification.spec, certification.records
    told = status_json(spec.name, records) | {"certification": certification_status(certification)}
    if json:
        print_json(told)
        return
    out = console()
    trained = sum(told["trials"][state] for state in ("complete", "pruned", "failed"))
    out.print(
        f"[bold]{spec.name}[/]: {trained} of {spec.search.trials} trials, {told['steps_trained']:,} steps trained"
    )
    out.print("\n".join(tally_lines(records)))
    if certification.runs:
        out.print(f"certification: {tally_line(certification.runs)}\n{certification.conclusion()}")
    if failures := condemned(records):
        out.print(Text(), condemned_table(failures))


def show(
    run: Run,
    trial: Annotated[
        int | None,
        typer.Argument(
            metavar="[TRIAL]", help="The trial's number; all of them without it.", min=0
        ),
    ] = None,
    json: Json = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Draw its signals as .png or .svg, or how its samples grew as .gif.",
        ),
    ] = None,
) -> None:
    """Show all trials of a run in a table, or one whole; with -o, draw what it went through."""
    from gansearch.cli.certify import certification_in
    from gansearch.report.trial_view import trial_json, trial_view

    path = None if output is None else output_path(output, (".png", ".svg", ".gif"))
    if trial is None and path is not None:
        raise typer.BadParameter(
            "a picture is of one trial: give its number before -o", param_hint="TRIAL"
        )
    folder = find_run(run)
    if trial is None:
        _show_all(folder, json)
        return
    record, files = find_trial(folder, trial)
    certificate = certification_in(folder).standing.certificates.get(trial)
    if json:
        print_json(trial_json(record, files, certificate))
    elif path is None:
        console().print(trial_view(record, files, certificate))
    if path is not None:
        _draw(folder.spec().name, record, files, path)
        typer.echo(f"wrote {path}", err=True)


def _show_all(folder: RunFolder, json: bool) -> None:
    from gansearch.ranking.pareto import objectives_of
    from gansearch.report.trial_figures import trial_row
    from gansearch.report.trials_table import TrialsTable

    spec, records = (
        folder.spec(),
        [record for record in read_records(folder) if record.state != "waiting"],
    )
    if json:
        print_json({"study": spec.name, "trials": [trial_row(record) for record in records]})
    elif records:
        qualities = [axis.metric for axis in objectives_of(spec, records) if not axis.is_size]
        console().print(TrialsTable(records, qualities))
    else:
        console().print("There are no trials yet.")


def _draw(study: str, record: TrialRecord, files: TrialFolder, path: Path) -> None:
    if path.suffix == ".gif":
        from gansearch.plots.animation import save_evolution

        save_evolution(files.sample_grids(), path)
        return
    from gansearch.plots.curves import curves_figure
    from gansearch.plots.front import save_figure

    signals: Any = files.signals()
    if signals is None or signals.empty:
        raise RunFolderError(
            f"trial {record.number} has kept no signals, so there is nothing to draw"
        )
    verdict = record.verdict.status if record.verdict else record.state
    title = f"{study}, trial {record.number}: {verdict}"
    save_figure(curves_figure(title, signals, record.verdict, files.predictions()), path)
