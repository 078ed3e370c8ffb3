"""`gansearch diagnose`: the detectors over a loss log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gansearch.cli.output import Json, console, print_json

if TYPE_CHECKING:
    from gansearch.diagnosis.detection import Diagnosis
    from gansearch.signals import Remedy

DETECTORS = ("divergence", "convergence-failure", "mode-collapse")
"""Those that a study has unless it says otherwise."""


def diagnose_log(
    log: Annotated[
        Path, typer.Argument(metavar="LOG", help="A CSV file, or a trial's signals.parquet.")
    ],
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="OURS=THEIRS",
            help="The log's name for one of our columns, as g_loss=gen_loss.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Say from a loss log whether a training failed, since when and why, and what to try next."""
    from gansearch.diagnosis.detection import diagnose
    from gansearch.diagnosis.loss_log import parse_map, read_log
    from gansearch.diagnosis.remedies import remedies
    from gansearch.registry import Registry

    registry = Registry()
    detectors = {name: registry.load("detector", name)() for name in DETECTORS}
    steps = read_log(log, parse_map(names or []))
    diagnosis = diagnose(steps, detectors)  # type: ignore[arg-type]
    advice = remedies(diagnosis.verdict, [row for _, row in steps])
    if json:
        print_json(diagnosis.to_json() | {"remedies": [remedy.to_json() for remedy in advice]})
    else:
        _print(log, diagnosis, advice)


def _print(log: Path, diagnosis: Diagnosis, advice: Sequence[Remedy]) -> None:
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    from gansearch.report.formatting import setting
    from gansearch.report.remedies_table import next_steps
    from gansearch.report.trial_counts import VERDICT_STYLES

    out, verdict = console(), diagnosis.verdict
    since = "" if verdict.step is None else f" at step {verdict.step}"
    out.print(
        f"{escape(str(log))}, {diagnosis.rows} rows: [bold {VERDICT_STYLES[verdict.status]}]{verdict.status}[/]{since}"
    )
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in verdict.evidence.items():
        table.add_row(name.replace("_", " "), escape(setting(value)))
    if verdict.evidence:
        out.print(table)
    for detector, columns in diagnosis.unjudged.items():
        missing = ", ".join(column.replace("|", " or ") for column in columns)
        out.print(f"[yellow]{detector} lacks[/] {missing}")
    if advice:
        out.print(Text(), next_steps(advice))
