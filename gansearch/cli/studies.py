"""`gansearch summary` and `gansearch validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gansearch.cli.output import Json, Overrides, console, print_json
from gansearch.errors import StudyError
from gansearch.evaluation.calibration import calibration_of
from gansearch.evaluation.counting import Counts
from gansearch.report.calibration_view import calibration_view
from gansearch.report.formatting import figure
from gansearch.report.layers import NetworkTable, gan_table
from gansearch.study.study import Study

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="The study's YAML file.")]


def summary(study: StudyFile, json: Json = False, overrides: Overrides = None) -> None:
    """Show the layers and totals of the baseline's networks."""
    loaded = Study.load(study, overrides or [])
    table = gan_table(loaded.space.baseline, loaded.data.shape)
    if json:
        print_json({"study": loaded.spec.name} | table.to_json())
        return
    out = console()
    for role, network in (("generator", table.generator), ("discriminator", table.discriminator)):
        out.print(
            f"[bold]{role}[/] {loaded.space.baseline.uses[role]}",
            _layer_table(network),
            _totals(network.counts),
        )
        out.print()
    out.print("[bold]GAN[/], its discriminator frozen", _totals(table.counts), sep="\n")


def validate(study: StudyFile, json: Json = False, overrides: Overrides = None) -> None:
    """Check a study file, its data and its baseline, and calibrate the detectors on the data."""
    try:
        loaded = Study.load(study, overrides or [])
    except StudyError as error:
        if json:
            problems = [
                {
                    "line": problem.line,
                    "column": problem.column,
                    "where": ".".join(map(str, problem.where)),
                    "message": problem.message,
                }
                for problem in error.problems
            ]
            print_json({"valid": False, "problems": problems})
        raise
    sizes = dict(loaded.sizes(loaded.space.baseline))
    calibration = calibration_of(loaded.data, loaded.extractor)
    if json:
        print_json(
            {
                "valid": True,
                "problems": [],
                "study": loaded.spec.name,
                "data": loaded.data.source,
                "summary": loaded.data.summary,
                "details": dict(loaded.data.details),
                "extractor": loaded.spec.extractor and loaded.spec.extractor.use,
                "calibration": calibration.model_dump(mode="json"),
                "warnings": list(loaded.warnings),
                "baseline": sizes,
            }
        )
        return
    out = console()
    out.print(f"{study}: the study [bold]{loaded.spec.name}[/] is valid")
    out.print(f"data: {loaded.data.source}: {loaded.data.summary}", markup=False)
    if loaded.spec.extractor is not None:
        out.print(f"extractor: {loaded.spec.extractor.use}")
    listed = ", ".join(f"{name} {figure(size, whole=True)}" for name, size in sizes.items())
    out.print(f"baseline: {listed}")
    out.print(calibration_view(calibration))
    for warning in loaded.warnings:
        out.print("[yellow]warning:[/]", escape(warning))


def _layer_table(network: NetworkTable) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("layer", "type", "output"):
        table.add_column(heading, overflow="fold")
    table.add_column("parameters", justify="right", no_wrap=True)
    for layer in network.layers:
        shape = "-"
        if layer.output is not None:
            shape = " x ".join(map(str, layer.output)) or "one score"
        parameters = f"{layer.parameters:,}" if layer.parameters else ""
        table.add_row(layer.name, layer.type, shape, parameters)
    return table


def _totals(counts: Counts) -> str:
    return (
        f"total {counts.total:,}, trainable {counts.trainable:,}, "
        f"non-trainable {counts.non_trainable:,}"
    )
