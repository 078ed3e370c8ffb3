"""`gansearch sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gansearch.cli.output import output_path
from gansearch.cli.run_lookup import (
    Run,
    find_run,
    find_trial,
    read_certification,
    read_records,
    relative,
)
from gansearch.errors import GansearchError
from gansearch.plots.samples import save_grid, save_walk
from gansearch.ranking.run_summary import RunSummary
from gansearch.registry import Registry
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trained_generator import TrainedGenerator

COUNT, SPAN, FRAMES = 64, 3.0, 10
CHOICES = {
    "smallest_within_tolerance": "the smallest that is about as good as the baseline",
    "best_any_size": "the best of any size",
}
"""Trials to draw, in order of preference, where none is named and there is no champion."""


def sample(
    run: Run,
    trial: Annotated[
        int | None,
        typer.Option(
            min=0, help="The trial; else the champion, the smallest within tolerance, or the best."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where to: .png, or .gif for a walk."),
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help=f"Samples of a grid; {COUNT} by default.")
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Says which latents are drawn, or which held-out samples.")
    ] = 0,
    walk: Annotated[
        list[int] | None,
        typer.Option(
            metavar="DIM",
            min=0,
            help="Walk along this dimension of the latent, counted from 0; repeatable.",
        ),
    ] = None,
    span: Annotated[
        float | None, typer.Option(min=0.0, help=f"A walk goes so far to both sides; {SPAN}.")
    ] = None,
    frames: Annotated[int | None, typer.Option(min=2, help=f"Steps of a walk; {FRAMES}.")] = None,
) -> None:
    """Draw samples of a trained generator, or a latent walk."""
    _check_usage(output, count, walk, span, frames)
    folder = find_run(run)
    number, why = (trial, "") if trial is not None else _choose(folder)
    path = folder.path / ("walk.png" if walk else "samples.png") if output is None else output
    trained = _load(folder, number)
    if walk:
        save_walk(trained, path, seed, walk, SPAN if span is None else span, frames or FRAMES)
    else:
        save_grid(trained, path, seed, count or COUNT)
    typer.echo(f"wrote {relative(path)}: trial {number}{why}", err=True)


def _check_usage(
    output: Path | None,
    count: int | None,
    walk: list[int] | None,
    span: float | None,
    frames: int | None,
) -> None:
    """Refuse options that contradict each other."""
    path = None if output is None else output_path(output, (".png", ".gif"))
    if path is not None and path.suffix.lower() == ".gif" and not walk:
        raise typer.BadParameter(
            "a .gif shows a walk: name a dimension with --walk", param_hint="-o"
        )
    if walk and count is not None:
        raise typer.BadParameter("a walk has --frames; --count is for a grid", param_hint="--count")
    if not walk and (span is not None or frames is not None):
        raise typer.BadParameter(
            "these are for a walk: name a dimension with --walk", param_hint="--span, --frames"
        )


def _choose(folder: RunFolder) -> tuple[int, str]:
    """Return the trial to draw where none is named, and the reason."""
    summary = RunSummary.of(
        folder.spec(), read_records(folder), runs=read_certification(folder)
    ).standing
    if summary.champion is not None:
        return summary.champion.number, ", the champion"
    for name, why in CHOICES.items():
        record = summary.named()[name]
        if record is not None:
            return record.number, f", {why}"
    raise GansearchError(f"no trial of {folder.path} is healthy yet; choose another with --trial")


def _load(folder: RunFolder, number: int) -> TrainedGenerator:
    return TrainedGenerator.load(find_trial(folder, number)[1], Registry())
