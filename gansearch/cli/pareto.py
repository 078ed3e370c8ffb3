"""`gansearch pareto`, and the result that `gansearch run` ends with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from gansearch.cli.output import Json, console, echo, output_path, print_json
from gansearch.cli.run_lookup import Run, find_run, relative
from gansearch.errors import GansearchError
from gansearch.evaluation.latency_names import LATENCIES
from gansearch.ranking.pareto import Objective, objectives_of
from gansearch.ranking.study_summary import RunSummary
from gansearch.registry import Registry, unknown
from gansearch.report.changes import Changes, ChangesTable
from gansearch.report.remedies_table import commonest_remedies
from gansearch.report.tables import FrontTable
from gansearch.report.trial_counts import count_lines, failed_trials, failures_table
from gansearch.report.trial_figures import figure_warnings
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_reader import read_certification, read_records
from gansearch.trial_record import TrialRecord

SHOWN = 10
"""Failed trials that are listed; `gansearch status` lists them all."""


def show_pareto(
    run: Run,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Write the front as .png, .svg, .pdf or .csv."
        ),
    ] = None,
    x: Annotated[
        str | None,
        typer.Option(metavar="METRIC", help="Metric to use instead of the first objective."),
    ] = None,
    y: Annotated[
        str | None,
        typer.Option(metavar="METRIC", help="Metric to use instead of the second objective."),
    ] = None,
    json: Json = False,
) -> None:
    """Show the Pareto front of the healthy trials."""
    path = None if output is None else output_path(output, (".png", ".svg", ".pdf", ".csv"))
    folder = find_run(run)
    spec, records = folder.spec(), read_records(folder)
    objectives = _objectives(objectives_of(spec, records), x, y, records)
    summary = RunSummary.of(spec, records, objectives, read_certification(folder))
    if path is not None:
        _write(summary, path)
        echo(f"wrote {path}", err=True)
    if json:
        print_json(summary.to_json() | {"warnings": figure_warnings(records)})
    elif path is None:
        _print(summary, console())


def print_result(folder: RunFolder, out: Console) -> None:
    """Print the result of a search: the front, remedies for failures, picture and samples."""
    summary = RunSummary.of(folder.spec(), read_records(folder), runs=read_certification(folder))
    _print(summary, out)
    if summary.spec.search.sampler == "one-at-a-time":
        out.print(Text(), ChangesTable(Changes.of(summary.spec, summary.records)))
    if steps := commonest_remedies(summary.records):
        out.print(Text(), steps)
    out.print()
    found = summary.summary.champion or summary.summary.smallest_within_tolerance
    if found is not None and (grids := folder.trial(found.number).figured(found).sample_grids()):
        out.print(
            f"samples of trial {found.number}: {relative(grids[-1])}", markup=False, soft_wrap=True
        )
    if summary.front.trials and len(summary.front.objectives) > 1:
        picture = folder.path / "pareto.png"
        _write(summary, picture)
        out.print(f"front: {relative(picture)}", markup=False, soft_wrap=True)


def _objectives(
    objectives: Sequence[Objective], x: str | None, y: str | None, records: Sequence[TrialRecord]
) -> list[Objective]:
    """Return the study's objectives, the first two replaced where the options say so.

    A third one that an option names is not shown twice.
    """
    chosen, known = list(objectives[:2]), {objective.metric: objective for objective in objectives}
    for i, metric in enumerate((x, y)):
        if metric is not None:
            chosen[i : i + 1] = [known.get(metric) or metric_objective(metric, records)]
    chosen += [objective for objective in objectives[2:] if objective not in chosen]
    if len({objective.metric for objective in chosen}) < len(chosen):
        raise typer.BadParameter(
            f"two axes show {chosen[0].metric}; give both --x and --y", param_hint="--x, --y"
        )
    return chosen


def metric_objective(metric: str, records: Sequence[TrialRecord]) -> Objective:
    """Return a metric as an objective in the direction in which its class says it is better."""
    known = {name for record in records for name in record.figures}
    if metric not in known:
        raise GansearchError(
            f"{unknown('metric', metric, known)}; only what the trials have measured can be an axis"
        )
    is_size = any(metric in record.sizes for record in records)
    is_cost = metric in LATENCIES or any(metric in r.stamp.get("costs", ()) for r in records)
    if is_size or metric in LATENCIES:
        return Objective(metric, "minimize", is_size, is_cost)
    component: type = Registry().load("metric", metric)
    return Objective(metric, getattr(component, "direction", "minimize"), is_cost=is_cost)


def _write(summary: RunSummary, path: Path) -> None:
    # Imported here: matplotlib and pandas take 1.6 s of CPU, which the table need not wait for.
    if path.suffix.lower() == ".csv":
        from gansearch.report.frames import front_frame

        front_frame(summary.front, summary.summary).to_csv(path, index=False)
        return
    if len(summary.front.objectives) < 2:
        raise GansearchError("a picture of the front needs two axes; name another one with --y")
    from gansearch.plots.figure_file import save_figure
    from gansearch.plots.front import front_figure

    save_figure(front_figure(summary), path)


def _print(summary: RunSummary, out: Console) -> None:
    out.print(f"[bold]{summary.spec.name}[/]", *count_lines(summary.records), sep="\n")
    out.print(Text())
    if summary.front.trials:
        out.print(FrontTable(summary))
    else:
        out.print("No trial is healthy yet, so there is no front.")
    if summary.summary.note:
        out.print(f"[yellow]Note:[/] {summary.summary.note}")
    failures = failed_trials(summary.records)
    if failures:
        out.print(Text(), failures_table(failures[-SHOWN:], summary.summary.size.metric))
    if len(failures) > SHOWN:
        out.print(
            f"... and {len(failures) - SHOWN} before; gansearch status lists them all", style="dim"
        )
