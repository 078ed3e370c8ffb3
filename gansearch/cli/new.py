"""`gansearch new`: a first study, from a folder of pictures or an installed data set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console

from gansearch.builtin.datasets.picture_survey import PictureSurvey
from gansearch.cli.output import console
from gansearch.cli.progress import clock
from gansearch.cli.rehearsal import BASELINE, LIMIT, Cost, Rehearsal, rehearse
from gansearch.components import Data
from gansearch.errors import DataError, GansearchError
from gansearch.evaluation.extractors import choose_extractor
from gansearch.files import write_atomically
from gansearch.registry import Registry
from gansearch.study.draft import WIDTHS, Draft, trained_size
from gansearch.study.durations import parse_duration
from gansearch.study.mending import mend_name
from gansearch.study.space_size import space_size
from gansearch.study.study import Study
from gansearch.training.precision import choose_device

TRIALS = (48, 32, 24, 16, 12, 8)
"""Numbers of trials that are proposed, the first for which there is time."""
ENOUGH = 16
"""Trials for which a smaller baseline is taken, where a larger one is too slow for them."""
FAR = 2.0
"""Times the budget that these trials take, above which the smallest baseline is tried next."""
FEW_PICTURES = 2_000
"""Pictures to train on below which a discriminator may learn them by heart."""


def new(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study file to write.")],
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder, or zip file, of the pictures to learn."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Installed data set, instead of pictures.")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="N|WxH", help="Side, or width x height, to train pictures at."),
    ] = None,
    budget: Annotated[
        str, typer.Option(metavar="40m", help="Time that the search should take on this machine.")
    ] = "40m",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write a first study for your pictures, with a budget that is measured on this machine."""
    if (images is None) == (dataset is None):
        raise typer.BadParameter("give the one or the other", param_hint="--images, --dataset")
    try:
        seconds = parse_duration(budget)
    except ValueError as error:
        raise typer.BadParameter(f"{error}, got {budget!r}", param_hint="--budget") from None
    _check_path(study, force)
    out = console()
    node: dict[str, Any] = {"use": dataset}
    at = choose_device("auto").type
    if images is not None:
        node = _look_at(images, _size(size), at, out)
    elif size is not None:
        raise typer.BadParameter("goes with --images", param_hint="--size")
    data = _loaded(node, out)
    draft = _draft(study, node, data, at)
    draft, summary = _with_budget(draft, seconds, WIDTHS[at], out)
    if images is not None:
        draft = replace(draft, dataset=node | {"root": _root_beside(images, study)})
    write_atomically(study, draft.text().encode())
    out.print(f"wrote {study}: {summary}", markup=False, soft_wrap=True)
    out.print(f"next: gansearch run {study}", markup=False, soft_wrap=True)


def _check_path(study: Path, force: bool) -> None:
    if study.suffix.lower() not in (".yaml", ".yml"):
        raise typer.BadParameter(
            f"its ending must be .yaml, got {str(study)!r}", param_hint="STUDY"
        )
    if study.exists() and not force:
        raise GansearchError(f"{study} exists; name another file, or replace it with --force")
    if not study.absolute().parent.is_dir():
        raise GansearchError(f"there is no folder {study.absolute().parent} to write into")


def _size(size: str | None) -> tuple[int, int] | None:
    """Parse `64` or `64x48`."""
    if size is None:
        return None
    parts = size.lower().split("x")
    if not (1 <= len(parts) <= 2 and all(part.isdigit() for part in parts)):
        raise typer.BadParameter(f"is written 64 or 64x48, got {size!r}", param_hint="--size")
    return int(parts[0]), int(parts[-1])


def _look_at(
    images: Path, size: tuple[int, int] | None, device: str, out: Console
) -> dict[str, Any]:
    """Say what a folder holds, and return its node of a study.

    Raises:
        DataError: when there are no pictures.
    """
    survey = PictureSurvey.of(images.expanduser())
    if survey is None:
        raise DataError(f"{images} holds no picture that can be opened")
    out.print(f"{images}: {survey}", markup=False, soft_wrap=True)
    width, height = size or trained_size(survey.width, survey.height, device)
    node = {
        "use": "folder",
        "root": os.path.abspath(images.expanduser()),
        "height": height,
        "width": width,
        "channels": 1 if survey.grey else 3,
    }
    if (width, height) != (survey.width, survey.height):
        out.print(f"trained at {width} x {height} (width x height); --size chooses another")
    return node


def _loaded(node: Mapping[str, Any], out: Console) -> Data:
    """Load the data of a node, saying how many samples there are.

    Raises:
        DataError: when they cannot be loaded, or need fields that nobody gave.
    """
    component: Any = Registry().load("dataset", node["use"])
    fields = {key: value for key, value in node.items() if key != "use"}
    needed = [name for name, one in component.model_fields.items() if one.is_required()]
    if missing := [name for name in needed if name not in fields]:
        hint = "; use --images DIR" if node["use"] == "folder" else ""
        raise DataError(f"the data set {node['use']} needs {', '.join(missing)}{hint}")
    data: Data = component(**fields).load()
    out.print(f"data: {data.summary}", markup=False, soft_wrap=True)
    for warning in data.warnings:
        out.print(f"warning: {warning}", markup=False, soft_wrap=True)
    return data


def _draft(study: Path, node: Mapping[str, Any], data: Data, device: str) -> Draft:
    """Return a study for some data, whose size and budget are still to be set."""
    samples = len(data.train.samples)
    extractor, note = None, ""
    if data.is_image:
        extractor, component = choose_extractor(data, Registry())
        note = f"Real and generated samples are compared by the features of: {component.summary()}"
        if component.caution:
            note += f" Caution: {component.caution}."
    return Draft(
        name=mend_name(study.stem).removeprefix("name: "),
        dataset=node,
        data=data.summary,
        shape=data.shape,
        is_image=data.is_image,
        batch_size=64 if samples >= 512 else 32 if samples >= 128 else 16,
        augment=data.is_image and samples < FEW_PICTURES,
        extractor=extractor,
        extractor_note=note,
        width=WIDTHS[device][0],
        trials=TRIALS[0],
    )


def _with_budget(
    draft: Draft, seconds: float, widths: tuple[int, ...], out: Console
) -> tuple[Draft, str]:
    """Return the draft with a baseline and a number of trials for so many seconds, and why."""
    waiting = [*widths]
    while waiting:
        width = waiting.pop(0)
        unit = "filters" if draft.is_image else "units"
        out.print(f"measuring some steps of a baseline of {width} {unit} ...")
        draft = replace(draft, width=width)
        study = _study(draft)
        rehearsal = rehearse(study, LIMIT)
        if rehearsal.crash:
            raise GansearchError(f"the baseline crashes when it is trained: {rehearsal.crash}")
        costs = {trials: Cost.of(study, rehearsal, trials) for trials in TRIALS}
        fitting = [n for n, cost in costs.items() if cost is not None and cost.seconds <= seconds]
        if fitting and fitting[0] >= ENOUGH:
            break
        if (usual := costs[ENOUGH]) is None or usual.seconds > FAR * seconds:
            waiting = waiting[-1:]
    trials = fitting[0] if fitting else TRIALS[-1]
    summary = _summary(study, trials, costs[trials], rehearsal)
    why = (
        f"Budget, as measured here by `gansearch new` for {clock(seconds)}: {summary}. Around the "
        f"steps of each trial, its process, data and metrics take {rehearsal.seconds_around:.3g} "
        f"s. There are {space_size(study.space)} to search."
    )
    if not fitting:
        out.print(
            f"that is more than {clock(seconds)}, and fewer than {TRIALS[-1]} trials find little: "
            "choose smaller pictures with --size, or a larger --budget",
            soft_wrap=True,
        )
    return replace(draft, trials=trials, budget=why), summary


def _summary(study: Study, trials: int, cost: Cost | None, rehearsal: Rehearsal) -> str:
    if cost is None:
        return f"{trials} trials; a step of the baseline is too slow to be measured here"
    hundred = 100 * rehearsal.seconds_per_step[BASELINE]
    at_a_time = f", {rehearsal.slots} at a time" if rehearsal.slots > 1 else ""
    return (
        f"{hundred:.3g} s for 100 steps of the baseline here; {trials} trials{at_a_time}, and the "
        f"certification of the best, in about {clock(cost.seconds)}"
    )


def _study(draft: Draft) -> Study:
    """Load a draft as the study that it is going to be."""
    with TemporaryDirectory(prefix="gansearch-") as folder:
        path = Path(folder, "draft.yaml")
        path.write_text(draft.text(), encoding="utf-8")
        return Study.load(path)


def _root_beside(images: Path, study: Path) -> str:
    """Return the place of the pictures: relative to the study file where they lie below it."""
    root, beside = Path(os.path.abspath(images.expanduser())), study.absolute().parent
    return str(root.relative_to(beside)) if root.is_relative_to(beside) else str(root)
