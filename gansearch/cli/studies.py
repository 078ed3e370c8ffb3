"""`gansearch summary` and `gansearch validate`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gansearch.cli.output import Json, Overrides, console, print_json
from gansearch.errors import DataError, Problem, StudyError
from gansearch.evaluation.calibration import calibration_of
from gansearch.evaluation.counting import Counts
from gansearch.report.calibration_view import calibration_view
from gansearch.report.formatting import figure
from gansearch.report.layers import NetworkTable, gan_table
from gansearch.storage.run_folder import STUDY, RunFolder
from gansearch.storage.run_mark import MARK
from gansearch.study.checked_study import CheckedStudy
from gansearch.study.study import Study

if TYPE_CHECKING:
    from gansearch.search.bayesian.prior import Prior

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="The study's YAML file.")]


def summary(study: StudyFile, json: Json = False, overrides: Overrides = None) -> None:
    """Show the layers and totals of the baseline's networks."""
    checked = CheckedStudy.load(study, overrides or [])
    baseline = checked.space.baseline
    shape = checked.space.dataset.stated_shape()
    if shape is None:  # only the data tell
        shape = Study.of(checked).data.shape
    checked.baseline_sizes(shape)
    table = gan_table(baseline, shape)
    if json:
        print_json({"study": checked.spec.name} | table.to_json())
        return
    out = console()
    for role, network in (("generator", table.generator), ("discriminator", table.discriminator)):
        out.print(
            f"[bold]{role}[/] {baseline.uses[role]}", layer_table(network), _totals(network.counts)
        )
        out.print()
    out.print("[bold]GAN[/], its discriminator frozen", _totals(table.counts), sep="\n")


Resolved = Annotated[
    bool, typer.Option("--resolved", help="Print the study with all its defaults, as YAML.")
]


def validate(
    study: StudyFile, resolved: Resolved = False, json: Json = False, overrides: Overrides = None
) -> None:
    """Check a study file, its data and its baseline, and calibrate the detectors on the data."""
    try:
        checked = CheckedStudy.load(study, overrides or [])
        try:
            loaded = Study.of(checked)
        except DataError as error:
            _without_data(study, checked, str(error), json)
            raise
    except StudyError as error:
        if json:
            problems = [problem_json(problem) for problem in error.problems]
            print_json({"valid": False, "problems": problems})
        raise
    if resolved:
        if json:
            print_json(loaded.spec.resolved())
        else:
            typer.echo(
                yaml.safe_dump(loaded.spec.resolved(), sort_keys=False, allow_unicode=True),
                nl=False,
            )
        return
    prior = prior_of(loaded, study)
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
                "teacher": loaded.teacher and loaded.teacher.stamp,
                "warnings": list(loaded.warnings),
                "baseline": sizes,
            }
            | prior_json(loaded, prior)
        )
        return
    out = console()
    out.print(f"{study}: the study [bold]{loaded.spec.name}[/] is valid")
    out.print(f"data: {loaded.data.source}: {loaded.data.summary}", markup=False)
    if loaded.spec.extractor is not None:
        out.print(f"extractor: {loaded.spec.extractor.use}")
    if loaded.teacher is not None:
        record = loaded.teacher.record
        out.print(f"teacher: {loaded.teacher}, {record.parameters:,} parameters", markup=False)
    print_prior(loaded, prior, out)
    out.print(f"baseline: {_listed(sizes)}")
    out.print(calibration_view(calibration))
    for warning in loaded.warnings:
        out.print("[yellow]warning:[/]", escape(warning))


def prior_of(study: Study, path: Path) -> Prior | None:
    """Return the prior of a study file, which may be that of a run folder.

    Raises:
        RunFolderError: if an earlier run cannot be read or gives nothing, or what was kept is lost.
    """
    if not study.spec.search.prior:
        return None
    # Imported here: scipy takes 0.3 s of CPU, and only a prior needs it.
    from gansearch.search.bayesian.prior import study_prior

    of_run = path.name == STUDY and (path.parent / MARK).is_file()
    return study_prior(study, RunFolder(path.parent) if of_run else None)


def print_prior(study: Study, prior: Prior | None, out: Console) -> None:
    """Print what each earlier run tells of a study's search space."""
    if prior is None:
        return
    for run in prior.runs:
        line = run.line(study.space.domains, prior.quality)
        out.print(f"prior {line}", markup=False, soft_wrap=not out.is_terminal)


def prior_json(study: Study, prior: Prior | None) -> dict[str, Any]:
    """Return the same as JSON."""
    runs = prior.runs if prior else ()
    return {"prior": [run.to_json(study.space.domains) for run in runs]}


def _without_data(study: Path, checked: CheckedStudy, problem: str, json: bool) -> None:
    """Print what is known of a valid study whose data cannot be loaded."""
    shape = checked.space.dataset.stated_shape()
    sizes = {} if shape is None else dict(checked.baseline_sizes(shape))
    if json:
        print_json(
            {
                "valid": True,
                "problems": [],
                "study": checked.spec.name,
                "data": None,
                "data_problem": problem,
                "baseline": sizes,
            }
        )
        return
    out = console()
    out.print(f"{study}: the study [bold]{checked.spec.name}[/] is valid, and its data are missing")
    if shape is not None:
        side = " x ".join(map(str, shape))
        out.print(f"baseline, for samples of {side} as the study states: {_listed(sizes)}")


def problem_json(problem: Problem) -> dict[str, Any]:
    """Return a mistake of a study file as JSON; `fix` is the YAML that mends it."""
    return {
        "file": problem.source or None,
        "line": problem.line,
        "column": problem.column,
        "where": ".".join(map(str, problem.where)),
        "message": problem.message,
        "fix": problem.fix or None,
    }


def _listed(sizes: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {figure(size, whole=True)}" for name, size in sizes.items())


def layer_table(network: NetworkTable) -> Table:
    """Return the layers of a network with their outputs and parameters."""
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
