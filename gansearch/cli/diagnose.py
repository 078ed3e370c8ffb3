"""`gansearch diagnose`: the detectors over a loss log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from gansearch.cli.output import Json, console, output_path, print_json
from gansearch.diagnosis.loss_log import LossLog, parse_map, read_logs
from gansearch.registry import unknown
from gansearch.report.formatting import setting
from gansearch.report.remedies_table import next_steps
from gansearch.report.trial_counts import VERDICT_STYLES

if TYPE_CHECKING:
    from gansearch.diagnosis.detection import Diagnosis
    from gansearch.signals import Remedy

PICTURES = (".png", ".svg", ".pdf")


def diagnose_log(
    logs: Annotated[
        list[Path],
        typer.Argument(
            metavar="LOG...",
            help="Table, JSON, printed lines, TensorBoard event files or signals.parquet, also "
            "compressed. Several files are joined by step. - reads standard input.",
        ),
    ],
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="OURS=THEIRS",
            help="Name of a column in the log, such as g_loss=gen_loss; may be repeated.",
        ),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Loss of the training: bce, hinge, least-squares, relativistic or wasserstein.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", metavar="FILE", help="Draw the curves: .png, .svg or .pdf.")
    ] = None,
    json: Json = False,
) -> None:
    """Judge a training by its loss log: verdict, step, evidence, and what to try next."""
    path = None if output is None else output_path(output, PICTURES)
    kind = None if loss is None else _loss(loss)
    log = read_logs(logs, parse_map(names or []))
    # Imported here: detectors import torch, and a log that cannot be read need not wait 2 s for it.
    from gansearch.diagnosis.log_diagnosis import diagnose_log
    from gansearch.diagnosis.remedies import remedies

    judged = diagnose_log(log.rows, kind)
    diagnosis = judged.diagnosis
    advice = remedies(diagnosis.verdict, judged.rows)
    if path is not None:
        _draw(path, log, diagnosis)
    if json:
        read = {"loss": judged.loss, "loss_because": judged.because, "files": log.sources}
        advised = [remedy.to_json() for remedy in advice]
        print_json(diagnosis.to_json() | {"remedies": advised, "read": read})
    else:
        _print(log, diagnosis, advice, f"{judged.loss}: {judged.because}")


def _loss(name: str) -> str:
    from gansearch.diagnosis.log_diagnosis import LOSSES  # imports torch, as above

    wanted = name.lower().replace("_", "-").replace(" ", "-")
    if wanted not in LOSSES:
        raise typer.BadParameter(unknown("loss", name, LOSSES), param_hint="--loss")
    return wanted


def _draw(path: Path, log: LossLog, diagnosis: Diagnosis) -> None:
    # Imported here: matplotlib and pandas take 1.6 s of CPU, which the text need not wait for.
    import pandas as pd

    from gansearch.plots.curves import curves_figure
    from gansearch.plots.figure_file import save_figure

    signals = pd.DataFrame([{"step": step, **row} for step, row in log.rows])
    title = ", ".join(Path(source["file"]).name for source in log.sources)
    save_figure(curves_figure(title, signals, diagnosis.verdict), path)


def _print(log: LossLog, diagnosis: Diagnosis, advice: Sequence[Remedy], loss: str) -> None:
    out, verdict = console(), diagnosis.verdict

    # How the files were read
    for source in log.sources:
        columns = [f"{ours} = {theirs}" for ours, theirs in source["columns"].items() if theirs]
        line = f"{source['file']}: {source['format']}, {source['rows']} rows; {', '.join(columns)}"
        line = "; ".join([line, *source["notes"]])
        out.print(f"[dim]{escape(line)}[/]", soft_wrap=True)
    out.print(f"[dim]loss taken for {escape(loss)}[/]", soft_wrap=True)

    # The verdict and its evidence
    since = "" if verdict.step is None else f" at step {verdict.step}"
    style = VERDICT_STYLES.get(verdict.status, "yellow")
    names = ", ".join(source["file"] for source in log.sources)
    result = f"[bold {style}]{verdict.status}[/]{since}"
    out.print(f"{escape(names)}, {diagnosis.rows} rows: {result}")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in verdict.evidence.items():
        table.add_row(name.replace("_", " "), escape(setting(value)))
    if verdict.evidence:
        out.print(table)
    for detector, lacking in diagnosis.unjudged.items():
        missing = ", ".join(column.replace("|", " or ") for column in lacking)
        out.print(f"[yellow]{detector} lacks[/] {escape(missing)}")
    if advice:
        out.print(Text(), next_steps(advice))
