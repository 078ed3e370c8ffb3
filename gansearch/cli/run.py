"""`gansearch run` and `gansearch resume`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from gansearch.cli.certify import conclude_certification, train_again
from gansearch.cli.interrupts import StopOnSignals, machine_errors_told
from gansearch.cli.live_table import LiveTable
from gansearch.cli.output import Quiet, Verbose, console, print_log, quiet_console
from gansearch.cli.pareto import print_result
from gansearch.cli.plain_lines import PlainLines
from gansearch.cli.run_lookup import find_run
from gansearch.cli.trust import Trust, require_trusted
from gansearch.run import certifies_at_end, run_study
from gansearch.search.certification_plan import Choice
from gansearch.study.study import Study

StudyFile = Annotated[Path, typer.Argument(help="The study's YAML file.", metavar="STUDY")]
Out = Annotated[
    Path | None, typer.Option(help="Run folder; by default ./runs/ and the study's name.")
]
Trials = Annotated[
    int | None, typer.Option(min=1, help="Total number of trials, instead of search.trials.")
]
Workers = Annotated[
    str | None, typer.Option(help="Candidates trained at the same time: a number, or auto.")
]
PerCandidate = Annotated[
    int | None,
    typer.Option(
        "--workers-per-candidate", min=1, help="Processes that train one candidate together."
    ),
]
Executor = Annotated[
    str | None,
    typer.Option(
        metavar="local|ray", help="Train on this machine, or with Ray here or on a cluster."
    ),
]
Address = Annotated[
    str | None, typer.Option(help="Ray cluster: host:port, or auto for the one of this machine.")
]
Storage = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Database for the trials: postgresql://user@host/database."),
]
Override = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a value of the study, such as training.steps=100; may be repeated.",
    ),
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Delete the trials of an earlier run in the same folder.")
]
Check = Annotated[bool, typer.Option("--check", help="Check the study and train nothing.")]


def run(
    study: StudyFile,
    trials: Trials = None,
    executor: Executor = None,
    address: Address = None,
    workers: Workers = None,
    per_candidate: PerCandidate = None,
    storage: Storage = None,
    out: Out = None,
    overrides: Override = None,
    fresh: Fresh = False,
    check: Check = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Search for small stable GANs, or continue an earlier search."""
    trainer = _executor(executor, address, workers, per_candidate)
    settings = _settings({"search.trials": trials, "storage": storage} | trainer)
    print_log(console(), verbose=verbose, quiet=quiet)
    _search(study, [*(overrides or []), *settings], out, fresh=fresh, check=check, quiet=quiet)


def resume(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="A run folder, or the name of a study in ./runs."),
    ],
    executor: Executor = None,
    address: Address = None,
    workers: Workers = None,
    per_candidate: PerCandidate = None,
    storage: Storage = None,
    overrides: Override = None,
    trust: Trust = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Continue a study that was stopped."""
    folder = find_run(run)
    require_trusted(folder, agreed=trust)
    settings = _settings(
        {"storage": storage} | _executor(executor, address, workers, per_candidate)
    )
    print_log(console(), verbose=verbose, quiet=quiet)
    changes = [*(overrides or []), *settings]
    _search(folder.study_file, changes, folder.path, fresh=False, check=False, quiet=quiet)


def _executor(
    executor: str | None, address: str | None, workers: str | None, per_candidate: int | None
) -> dict[str, object]:
    """Return the settings of the study's executor that the options change."""
    if address is not None and executor not in (None, "ray"):
        raise typer.BadParameter(
            "names a Ray cluster, so it goes with --executor ray", param_hint="--address"
        )
    use = "ray" if address is not None else executor
    return {
        "executor.use": use,
        "executor.address": address,
        "executor.workers": workers,
        "executor.workers_per_candidate": per_candidate,
    }


def _settings(changes: Mapping[str, object]) -> list[str]:
    return [f"{key}={value}" for key, value in changes.items() if value is not None]


def _search(
    path: Path,
    overrides: list[str],
    out_folder: Path | None,
    *,
    fresh: bool,
    check: bool,
    quiet: bool,
) -> None:
    out, study = console(), Study.load(path, overrides)
    out.print(f"data: {study.data.summary}", markup=False, soft_wrap=True)
    for warning in study.warnings:
        out.print(f"warning: {warning}", markup=False, soft_wrap=True)
    if check:
        out.print(f"{path}: nothing is wrong with it", markup=False, soft_wrap=True)
        return
    place = out_folder or Path("runs") / study.spec.name
    shown = quiet_console() if quiet else out
    progress = LiveTable if shown.is_terminal else PlainLines
    with StopOnSignals() as stop:
        with machine_errors_told(place), progress(study.spec, shown, place) as listener:
            folder = run_study(study, place, listener, fresh=fresh, stop=stop.asked)
        if (certifies := certifies_at_end(study.spec)) and not stop.asked():
            train_again(study, folder, Choice(), shown, stop)
    stop.leave_if_asked(f"gansearch resume {place}", out)
    print_result(folder, out)
    if certifies:
        conclude_certification(folder, out)
