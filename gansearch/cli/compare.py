"""`gansearch compare`: runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gansearch.cli.output import Json, console, print_json
from gansearch.cli.run_lookup import find_run
from gansearch.export.trial_choice import summary_of
from gansearch.report.comparison import Comparison


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN RUN...", help="Run folders, or names of studies in ./runs."),
    ],
    json: Json = False,
) -> None:
    """Show runs side by side: counts, cost, champion, and whether their qualities compare."""
    if len(runs) < 2:
        raise typer.BadParameter("name at least two runs", param_hint="RUN")
    if len(set(runs)) < len(runs):
        raise typer.BadParameter("names one run twice", param_hint="RUN")
    comparison = Comparison({str(run): summary_of(find_run(run)) for run in runs})
    if json:
        print_json(comparison.to_json())
    else:
        console().print(comparison)
