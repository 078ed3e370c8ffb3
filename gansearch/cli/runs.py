"""`gansearch status` and `gansearch show`: what a run folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gansearch.cli.places import Run, find_run, read_records
from gansearch.cli.printing import Json, console, output_path, print_json
from gansearch.errors import RunFolderError

if TYPE_CHECKING:
    from gansearch.storage.run_folder import RunFolder, TrialFolder
    from gansearch.storage.trials import TrialRecord


def status(run: Run, json: Json = False) -> None:
    """Count the trials of a run by state and verdict."""
    from rich.text import Text

    from gansearch.report.tally import condemned, condemned_table, status_json, tally_lines

    folder = find_run(run)
    spec, records = folder.spec(), read_records(folder)
    told = status_json(spec.name, records)
    if json:
        print_json(told)
        return
    out = console()
    trained = sum(told["trials"][state] for state in ("complete", "pruned", "failed"))
    out.print(
        f"[bold]{spec.name}[/]: {trained} of {spec.search.trials} trials, {told['steps_trained']:,} steps trained"
    )
    out.print("\n".join(tally_lines(records)))
    if failures := condemned(records):
        out.print(Text(), condemned_table(failures))


def show(
    run: Run,
    trial: Annotated[int, typer.Argument(metavar="TRIAL", help="The trial's number.", min=0)],
    json: Json = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Draw its signals as .png or .svg.")
    ] = None,
) -> None:
    """Show one trial whole; with -o, draw the curves of its signals."""
    from gansearch.report.trial_view import trial_json, trial_view

    path = None if output is None else output_path(output, (".png", ".svg"))
    folder = find_run(run)
    record, files = _trial(folder, trial)
    if json:
        print_json(trial_json(record, files))
    elif path is None:
        console().print(trial_view(record, files))
    if path is not None:
        _draw(folder.spec().name, record, files, path)
        typer.echo(f"wrote {path}", err=True)


def _trial(folder: RunFolder, number: int) -> tuple[TrialRecord, TrialFolder]:
    records = {record.number: record for record in read_records(folder)}
    if number not in records:
        there = f"it has {min(records)} to {max(records)}" if records else "it has none yet"
        raise RunFolderError(f"{folder.path} has no trial {number}; {there}")
    return records[number], folder.trial(number)


def _draw(study: str, record: TrialRecord, files: TrialFolder, path: Path) -> None:
    from gansearch.report.curves import curves_figure
    from gansearch.report.figures import save_figure

    signals: Any = files.signals()
    if signals is None or signals.empty:
        raise RunFolderError(f"trial {record.number} has kept no signals, so there is nothing to draw")
    verdict = record.verdict.status if record.verdict else record.state
    save_figure(curves_figure(f"{study}, trial {record.number}: {verdict}", signals, record.verdict), path)
