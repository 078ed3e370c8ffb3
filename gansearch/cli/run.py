"""`gansearch run` and `gansearch resume`."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated, Self

import typer
from rich.console import Console

Study = Annotated[Path, typer.Argument(help="The study file.", metavar="STUDY")]
Out = Annotated[Path | None, typer.Option(help="The run folder; by default runs/ and the study's name.")]
Trials = Annotated[int | None, typer.Option(min=1, help="Trials in all, instead of what the study says.")]
Workers = Annotated[str | None, typer.Option(help="Candidates at a time: a number, or auto.")]
Executor = Annotated[str | None, typer.Option(help="Where candidates are trained: local.")]
Override = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the study.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Forget the trials of an earlier run in the same folder.")]
Check = Annotated[bool, typer.Option("--check", help="Check the study, train nothing.")]


def run(
    study: Study,
    trials: Trials = None,
    executor: Executor = None,
    workers: Workers = None,
    out: Out = None,
    overrides: Override = None,
    fresh: Fresh = False,
    check: Check = False,
) -> None:
    """Search: train candidate after candidate, or go on where an earlier run of the study stopped."""
    changes = {"search.trials": trials, "executor.use": executor, "executor.workers": workers}
    settings = [f"{key}={value}" for key, value in changes.items() if value is not None]
    _search(study, [*(overrides or []), *settings], out, fresh=fresh, check=check)


def resume(run: Annotated[Path, typer.Argument(help="A run folder, or the name of a study in runs/.")]) -> None:
    """Go on with a study that was stopped."""
    from gansearch.cli.places import find_run

    folder = find_run(run)
    _search(folder.study_file, [], folder.path, fresh=False, check=False)


def _search(path: Path, overrides: list[str], out: Path | None, *, fresh: bool, check: bool) -> None:
    from gansearch.cli.live import LiveTable, PlainLines
    from gansearch.cli.pareto import conclude
    from gansearch.run import Study, run_study

    console = Console()
    study = Study.load(path, overrides)
    for warning in study.data.warnings:
        console.print(f"warning: {warning}", markup=False, soft_wrap=True)
    if check:
        console.print(f"{path}: nothing is wrong with it", markup=False, soft_wrap=True)
        return
    folder = out or Path("runs") / study.spec.name
    listener = (LiveTable if console.is_terminal else PlainLines)(study.spec, console)
    with _StopOnSignals() as stop, listener:
        done = run_study(study, folder, listener, fresh=fresh, stop=stop.asked)
    if stop.number is not None:
        console.print(f"stopped; go on with: gansearch resume {folder}", markup=False, soft_wrap=True)
        raise typer.Exit(128 + stop.number)
    conclude(done, console)


class _StopOnSignals:
    """The first SIGINT or SIGTERM asks the search to end in order; the next one ends it at once."""

    def __init__(self) -> None:
        self.number: int | None = None
        """Of the signal that came, if one has."""

    def asked(self) -> bool:
        return self.number is not None

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked():
            os._exit(128 + number)  # workers end by themselves when this process is gone
        self.number = number
