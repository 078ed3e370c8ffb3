"""`gansearch pareto`: the front as a table, a picture or figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gansearch.cli.output import Json, console, output_path, print_json
from gansearch.cli.run_lookup import Run, find_run, read_certification, read_records, relative
from gansearch.errors import GansearchError

if TYPE_CHECKING:
    from rich.console import Console

    from gansearch.ranking.pareto import Objective
    from gansearch.ranking.study_summary import RunSummary
    from gansearch.storage.run_folder import RunFolder
    from gansearch.trial_record import TrialRecord

SHOWN = 10
"""Condemned trials that are listed; `gansearch status` lists them all."""


def show_pareto(
    run: Run,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Write the front as .png, .svg or .csv."
        ),
    ] = None,
    x: Annotated[
        str | None, typer.Option(metavar="METRIC", help="Another first axis than the study's.")
    ] = None,
    y: Annotated[
        str | None, typer.Option(metavar="METRIC", help="Another second axis than the study's.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the front: the healthy trials that no other one beats."""
    from gansearch.ranking.pareto import objectives_of
    from gansearch.ranking.study_summary import RunSummary

    path = None if output is None else output_path(output, (".png", ".svg", ".csv"))
    folder = find_run(run)
    spec, records = folder.spec(), read_records(folder)
    axes = _axes(objectives_of(spec, records), x, y, records)
    survey = RunSummary.of(spec, records, axes, read_certification(folder))
    if path is not None:
        _write(survey, path)
        typer.echo(f"wrote {path}", err=True)
    if json:
        print_json(survey.to_json())
    elif path is None:
        _print(survey, console())


def conclude(folder: RunFolder, out: Console) -> None:
    """Tell what a search has come to: the front, what would help the others, a picture and samples."""
    from rich.text import Text

    from gansearch.ranking.study_summary import RunSummary
    from gansearch.report.changes import Changes, ChangesTable
    from gansearch.report.remedies_table import commonest_steps

    survey = RunSummary.of(folder.spec(), read_records(folder), runs=read_certification(folder))
    _print(survey, out)
    if survey.spec.search.sampler == "one-at-a-time":
        out.print(Text(), ChangesTable(Changes.of(survey.spec, survey.records)))
    if steps := commonest_steps(survey.records):
        out.print(Text(), steps)
    out.print()
    found = survey.summary.champion or survey.summary.smallest_within_tolerance
    if found is not None and (grids := folder.trial(found.number).figured(found).sample_grids()):
        out.print(
            f"samples of trial {found.number}: {relative(grids[-1])}", markup=False, soft_wrap=True
        )
    if survey.front.trials and len(survey.front.objectives) > 1:
        picture = folder.path / "pareto.png"
        _write(survey, picture)
        out.print(f"front: {relative(picture)}", markup=False, soft_wrap=True)


def _axes(
    axes: Sequence[Objective], x: str | None, y: str | None, records: Sequence[TrialRecord]
) -> list[Objective]:
    """The study's axes, the first two of them replaced where others are asked for."""
    chosen = list(axes)
    for i, metric in enumerate((x, y)):
        if metric is not None:
            chosen[i : i + 1] = [
                next((a for a in axes if a.metric == metric), None) or _axis(metric, records)
            ]
    if len({axis.metric for axis in chosen}) < len(chosen):
        raise typer.BadParameter(
            f"two axes show {chosen[0].metric}; give both --x and --y", param_hint="--x, --y"
        )
    return chosen


def _axis(metric: str, records: Sequence[TrialRecord]) -> Objective:
    """A metric that is no objective, in the direction in which its class says that it is better."""
    from gansearch.evaluation.latency import LATENCIES
    from gansearch.ranking.pareto import Objective
    from gansearch.registry import Registry, unknown

    known = {name for record in records for name in record.figures}
    if metric not in known:
        raise GansearchError(
            f"{unknown('metric', metric, known)}; only what the trials have measured can be an axis"
        )
    if metric in LATENCIES or any(metric in record.sizes for record in records):
        return Objective(metric, "minimize", is_size=True)
    component: type = Registry().load("metric", metric)
    return Objective(metric, getattr(component, "direction", "minimize"))


def _write(survey: RunSummary, path: Path) -> None:
    from gansearch.plots.front import front_figure, front_frame, save_figure

    if path.suffix == ".csv":
        front_frame(survey.front, survey.summary).to_csv(path, index=False)
        return
    if len(survey.front.objectives) < 2:
        raise GansearchError("a picture of the front needs two axes; name another one with --y")
    save_figure(front_figure(survey), path)


def _print(survey: RunSummary, out: Console) -> None:
    from rich.text import Text

    from gansearch.report.tables import FrontTable
    from gansearch.report.trial_counts import condemned, condemned_table, tally_lines

    out.print(f"[bold]{survey.spec.name}[/]", *tally_lines(survey.records), sep="\n")
    out.print(Text())
    if survey.front.trials:
        out.print(FrontTable(survey))
    else:
        out.print("No trial is healthy yet, so there is no front.")
    if survey.summary.note:
        out.print(f"[yellow]Note:[/] {survey.summary.note}")
    failures = condemned(survey.records)
    if failures:
        out.print(Text(), condemned_table(failures[-SHOWN:], survey.summary.size.metric))
    if len(failures) > SHOWN:
        out.print(
            f"... and {len(failures) - SHOWN} before; gansearch status lists them all", style="dim"
        )
