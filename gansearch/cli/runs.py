"""`gansearch runs`: the runs of a folder."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from gansearch.cli.output import Json, console, print_json
from gansearch.environment_variables import RUNS, runs_folder
from gansearch.errors import GansearchError, RunFolderError
from gansearch.export.trial_choice import summary_of
from gansearch.report.formatting import figure, percent
from gansearch.report.trial_counts import count_states
from gansearch.storage.run_folder import DATABASE, LOG, STUDY, RunFolder
from gansearch.storage.run_mark import MARK

LATEST = 253_370_764_800.0
"""Seconds from 1970 to the year 9999, the last that Python's times have."""


def list_runs(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", envvar=RUNS, help="Folder of the runs; by default ./runs."),
    ] = None,
    json: Json = False,
) -> None:
    """List the runs of a folder: trials by state, the champion, and when each was last at work."""
    folder = folder or runs_folder()
    if not folder.is_dir():
        raise RunFolderError(f"there is no folder {folder}; `gansearch run STUDY` makes it")
    places = sorted(path.parent for path in folder.glob(f"*/{MARK}"))
    rows = [_row(place) for place in places]
    rows.sort(key=lambda row: str(row["changed"]), reverse=True)
    if json:
        print_json({"folder": str(folder), "runs": rows})
    elif rows:
        console().print(_table(rows))
    else:
        console().print(f"{folder} holds no runs yet", markup=False)


def _row(place: Path) -> dict[str, Any]:
    """Return what is known of a run; `problem` is why nothing is."""
    times = [
        path.stat().st_mtime for name in (LOG, DATABASE, STUDY) if (path := place / name).exists()
    ]
    # A clock that was wrong may have put a time of the file system anywhere.
    changed = datetime.fromtimestamp(min(max([*times, 0.0]), LATEST))
    row: dict[str, Any] = {
        "run": str(place),
        "changed": changed.astimezone().isoformat("T", "seconds"),
    }
    try:
        run = summary_of(RunFolder.open(place))
    except GansearchError as error:
        return row | {"problem": str(error)}
    summary = run.summary
    champion, quality = summary.champion, summary.quality
    return row | {
        "study": run.spec.name,
        "planned": run.spec.search.trials,
        "trials": count_states(run.records),
        "healthy": len(run.front.healthy),
        "champion": champion
        and {
            "trial": champion.number,
            "size": summary.size.value(champion),
            "share_of_baseline": summary.share_of_baseline(champion),
            "quality": None if quality is None else quality.value(champion),
        },
    }


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", overflow="fold")
    table.add_column("trials", justify="right", no_wrap=True)
    table.add_column("healthy", justify="right")
    table.add_column("champion", overflow="fold")
    table.add_column("last at work", no_wrap=True)
    for row in rows:
        changed = row["changed"][:16].replace("T", " ")
        if "problem" in row:
            problem = escape(row["problem"].partition("\n")[0])
            table.add_row(escape(row["run"]), "", "", f"[red]{problem}[/]", changed)
            continue
        ended = sum(row["trials"][state] for state in ("complete", "pruned", "failed"))
        champion = "-"
        if row["champion"] is not None:
            size = figure(row["champion"]["size"], whole=True)
            share = percent(row["champion"]["share_of_baseline"])
            champion = f"trial {row['champion']['trial']}: {size} ({share})"
        counted = f"{ended} of {row['planned']}"
        table.add_row(escape(row["run"]), counted, str(row["healthy"]), champion, changed)
    return table
