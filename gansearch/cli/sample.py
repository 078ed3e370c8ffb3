"""`gansearch sample`: pictures of a trained generator's samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gansearch.cli.output import output_path
from gansearch.cli.run_lookup import Run, find_run, find_trial, relative
from gansearch.errors import GansearchError
from gansearch.storage.trial_reader import read_certification, read_records

if TYPE_CHECKING:
    from gansearch.storage.run_folder import RunFolder
    from gansearch.storage.trained_generator import TrainedGenerator

COUNT, SPAN, FRAMES = 64, 3.0, 10
CHOICES = {
    "smallest_within_tolerance": "the smallest that is about as good as the baseline",
    "best_any_size": "the best of any size",
}
"""Trials to choose where none is named and there is no champion: the first of these that exists."""


def sample(
    run: Run,
    trial: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Number of the trial; by default the champion, else the smallest within "
            "tolerance, else the best.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Picture to write: .png, or .gif for a walk."
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help=f"Samples in the grid; {COUNT} by default.")
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Seed of the latents, or of the choice of test samples.")
    ] = 0,
    walk: Annotated[
        list[int] | None,
        typer.Option(
            metavar="DIM",
            min=0,
            help="Walk along this dimension of the latent, counted from 0; may be repeated.",
        ),
    ] = None,
    span: Annotated[
        float | None,
        typer.Option(min=0.0, help=f"Length of a walk in both directions; {SPAN} by default."),
    ] = None,
    frames: Annotated[
        int | None, typer.Option(min=2, help=f"Steps of a walk; {FRAMES} by default.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Place of the data, such as dataset.root=FOLDER; needed only for an autoencoder.",
        ),
    ] = None,
) -> None:
    """Draw samples of a trained generator, or walk along dimensions of its latent."""
    from gansearch.plots.samples import save_grid, save_walk

    _check_usage(output, count, walk, span, frames)
    folder = find_run(run)
    number, why = (trial, "") if trial is not None else _choose(folder)
    path = output
    if path is None:
        path = folder.path / ("walk.png" if walk else "samples.png")
    trained = _load(folder, number, overrides or [])
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
    if path is not None and path.suffix == ".gif" and not walk:
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
    """Return the trial that is shown where none is named, and why."""
    from gansearch.ranking.study_summary import RunSummary

    standing = RunSummary.of(
        folder.spec(), read_records(folder), runs=read_certification(folder)
    ).summary
    if standing.champion is not None:
        return standing.champion.number, ", the champion"
    for name, why in CHOICES.items():
        record = standing.notable_trials()[name]
        if record is not None:
            return record.number, f", {why}"
    raise GansearchError(f"no trial of {folder.path} is healthy yet; choose another with --trial")


def _load(folder: RunFolder, number: int, overrides: Sequence[str]) -> TrainedGenerator:
    from gansearch.registry import Registry
    from gansearch.storage.trained_generator import TrainedGenerator

    registry, dataset = Registry(), folder.spec().dataset
    location = registry.load("dataset", dataset.use).location  # type: ignore[attr-defined]
    place: dict[str, Any] = {
        field: value for field, value in dataset.fields.items() if field in location
    }
    for override in overrides:
        key, _, value = override.partition("=")
        field = key.removeprefix("dataset.")
        if field == key or field not in location or not value:
            allowed = ", ".join(f"dataset.{name}=PLACE" for name in sorted(location)) or "none"
            raise typer.BadParameter(
                f"only the place of the data may be set ({allowed}), got {override!r}",
                param_hint="--set",
            )
        place[field] = value
    return TrainedGenerator.load(find_trial(folder, number)[1], registry, place)
