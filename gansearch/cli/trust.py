"""`gansearch trust`, and the question that `resume` and `certify` ask about a stranger's run."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gansearch.cli.output import echo
from gansearch.cli.run_lookup import Run, find_run
from gansearch.errors import GansearchError, PluginError
from gansearch.registry import Registry
from gansearch.storage.run_folder import RunFolder
from gansearch.study.executor_spec import ExecutorSpec
from gansearch.study.spec import ComponentNode, StudySpec
from gansearch.study.urls import masked

Trust = Annotated[
    bool,
    typer.Option(
        "--trust", help="Use the executor, database and paths that a run of somebody else names."
    ),
]


def trust(run: Run) -> None:
    """Trust a run folder that was made elsewhere, or whose study.yaml was edited."""
    folder = find_run(run)
    folder.trust()
    for line in outside_of(folder.spec()):
        echo(f"it uses {line}")
    echo(f"trusted: {folder.path}")


def require_trusted(folder: RunFolder, *, agreed: bool) -> None:
    """Ask before a command acts on what the run folder of somebody else names.

    Args:
        folder: the run folder.
        agreed: the user has agreed on the command line.

    Raises:
        GansearchError: if the user does not agree, or cannot be asked.
    """
    if agreed:
        folder.trust()
    if folder.is_trusted or not (lines := outside_of(folder.spec())):
        return
    listing = "\n  ".join(lines)
    echo(f"{folder.path} was not made here. It uses:\n  {listing}", err=True)
    if sys.stdin.isatty() and typer.confirm("Go on with that?", err=True):
        folder.trust()
        return
    raise GansearchError("nothing was started; go on with --trust if you know where it comes from")


def outside_of(spec: StudySpec) -> list[str]:
    """Return what a study uses outside its run folder, as `key: value`."""
    lines = [] if spec.storage is None else [f"storage: {spec.storage}"]
    chosen = spec.executor.model_dump()
    lines += [
        f"executor.{key}: {chosen[key]}"
        for key, usual in ExecutorSpec().model_dump().items()
        if chosen[key] != usual and key != "workers_per_candidate"
    ]
    lines += [line for role in ("dataset", "extractor") for line in _places(role, spec)]
    if spec.teacher is not None:
        lines.append(f"teacher.{spec.teacher.place}: {spec.teacher.run or spec.teacher.bundle}")
    lines += [f"search.prior.{i}: {run}" for i, run in enumerate(spec.search.prior)]
    return [masked(line) for line in lines]


def _places(role: str, spec: StudySpec) -> list[str]:
    """Return the fields of a component that name the place of a file."""
    node: ComponentNode | None = getattr(spec, role)
    if node is None:
        return []
    try:
        component = Registry().load(role, node.use)
    except PluginError:
        return []  # nothing can be done with it
    location = getattr(component, "location", ())
    return [f"{role}.{key}: {value}" for key, value in node.fields.items() if key in location]
