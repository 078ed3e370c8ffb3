"""`gansearch summary` and `gansearch validate`: what a study says, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gansearch.cli.output import Json, Overrides, console, print_json
from gansearch.errors import Problem, StudyError

if TYPE_CHECKING:
    from rich.table import Table

    from gansearch.evaluation.counting import Counts
    from gansearch.report.layers import NetworkTable

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="The study's YAML file.")]


def summary(study: StudyFile, json: Json = False, overrides: Overrides = None) -> None:
    """Show the layers and totals of the baseline's networks."""
    from gansearch.report.layers import gan_table
    from gansearch.study.study import Study

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
    """Check a study: every mistake with its place, the data found, the baseline built and counted."""
    from gansearch.report.formatting import figure
    from gansearch.study.study import Study

    try:
        loaded = Study.load(study, overrides or [])
    except StudyError as error:
        if json:
            print_json(
                {"valid": False, "problems": [_problem(problem) for problem in error.problems]}
            )
        raise
    sizes = dict(loaded.sizes(loaded.space.baseline))
    if json:
        told = {
            "valid": True,
            "problems": [],
            "study": loaded.spec.name,
            "data": loaded.data.source,
        }
        print_json(told | {"warnings": list(loaded.warnings), "baseline": sizes})
        return
    out = console()
    out.print(f"{study}: the study [bold]{loaded.spec.name}[/] is valid")
    out.print(f"data: {loaded.data.source}, samples of {' x '.join(map(str, loaded.data.shape))}")
    out.print(
        "baseline: "
        + ", ".join(f"{name} {figure(size, whole=True)}" for name, size in sizes.items())
    )
    for warning in loaded.warnings:
        out.print(f"[yellow]warning:[/] {warning}")


def _problem(problem: Problem) -> dict[str, object]:
    where = ".".join(map(str, problem.where))
    return {
        "line": problem.line,
        "column": problem.column,
        "where": where,
        "message": problem.message,
    }


def _layer_table(network: NetworkTable) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("layer", "type", "output"):
        table.add_column(heading, overflow="fold")
    table.add_column("parameters", justify="right", no_wrap=True)
    for layer in network.layers:
        shape = "-" if layer.output is None else " x ".join(map(str, layer.output)) or "one score"
        table.add_row(
            layer.name, layer.type, shape, f"{layer.parameters:,}" if layer.parameters else ""
        )
    return table


def _totals(counts: Counts) -> str:
    return f"total {counts.total:,}, trainable {counts.trainable:,}, non-trainable {counts.non_trainable:,}"
