"""`gansearch sample`: pictures of a trained generator's samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gansearch.cli.output import echo, output_path
from gansearch.cli.run_lookup import find_run, find_trial, relative
from gansearch.export.manifest import MANIFEST
from gansearch.export.trial_choice import best_trial, summary_of

if TYPE_CHECKING:
    from gansearch.plots.samples import Sampler
    from gansearch.storage.run_folder import RunFolder
    from gansearch.storage.trained_generator import TrainedGenerator

SIDE, SPAN, FRAMES = 8, 3.0, 10


def sample(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|BUNDLE",
            help="A run folder, the name of a study in ./runs, or a bundle of gansearch export.",
        ),
    ],
    trial: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="The run's trial; else the champion, the smallest within tolerance, or the best.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="A .png file, or a .gif for a walk; a folder for both pictures.",
        ),
    ] = None,
    grid: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            metavar="N",
            help=f"Draw N x N random samples; {SIDE} by default. With --walk, both are drawn.",
        ),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Draw so many random samples.")] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the latents, or of the choice of test samples.")
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
        float | None,
        typer.Option(min=0.0, help=f"Distance of a walk to both sides; {SPAN} by default."),
    ] = None,
    frames: Annotated[
        int | None, typer.Option(min=2, help=f"Steps of a walk; {FRAMES} by default.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Place of the data, such as dataset.root=FOLDER; only an autoencoder needs it.",
        ),
    ] = None,
) -> None:
    """Draw samples of a trained generator, or walks along dimensions of its latent."""
    from gansearch.plots.samples import Walk, save_grid, save_walk

    _check_usage(output, grid, count, walk, span, frames)
    sampler, folder, name = _open(source, trial, overrides or [])
    if output is not None and output.is_dir():
        folder, output = output, None
    if grid is not None or not walk:
        path = output or folder / "samples.png"
        save_grid(sampler, path, seed, count or (grid or SIDE) ** 2)
        echo(f"wrote {relative(path)}: {name}", err=True)
    if walk:
        path = output or folder / "walk.png"
        reach = SPAN if span is None else span
        save_walk(sampler, path, Walk.along(sampler, seed, frames or FRAMES, walk, reach))
        echo(f"wrote {relative(path)}: {name}", err=True)


def _check_usage(
    output: Path | None,
    grid: int | None,
    count: int | None,
    walk: list[int] | None,
    span: float | None,
    frames: int | None,
) -> None:
    """Refuse options that contradict each other."""
    path = None
    if output is not None and not output.is_dir():
        path = output_path(output, (".png", ".gif"))
    if path is not None and walk and grid is not None:
        raise typer.BadParameter(
            "a grid and a walk are two pictures: name a folder that exists", param_hint="-o"
        )
    if path is not None and path.suffix.lower() == ".gif" and not walk:
        raise typer.BadParameter(
            "a .gif shows a walk: name a dimension with --walk", param_hint="-o"
        )
    if count is not None and (walk or grid is not None):
        raise typer.BadParameter(
            "a walk has --frames; --count is for a grid, instead of --grid", param_hint="--count"
        )
    if not walk and (span is not None or frames is not None):
        raise typer.BadParameter(
            "these are for a walk: name a dimension with --walk", param_hint="--span, --frames"
        )


def _open(source: Path, trial: int | None, overrides: Sequence[str]) -> tuple[Sampler, Path, str]:
    """Return the generator of a bundle or a run, the folder of its pictures, and its name."""
    if (source / MANIFEST).is_file():
        if trial is not None or overrides:
            raise typer.BadParameter(
                f"{source} is a bundle, which has one trial and needs no data",
                param_hint="--trial, --set",
            )
        from gansearch.export.bundle import Bundle

        bundle = Bundle.load(source)
        return bundle, Path.cwd(), f"trial {bundle.manifest.trial} of {bundle.manifest.study}"
    folder = find_run(source)
    if trial is None:
        record, why = best_trial(folder, summary_of(folder))
        return _load(folder, record.number, overrides), folder.path, f"trial {record.number}, {why}"
    return _load(folder, trial, overrides), folder.path, f"trial {trial}"


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
    return TrainedGenerator.load(
        find_trial(folder, number)[1],
        registry,
        place,
        trusted=folder.is_trusted,
        place_is_given=bool(overrides),
    )
