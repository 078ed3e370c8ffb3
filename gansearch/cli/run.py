"""`gansearch run` and `gansearch resume`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from gansearch import environment_variables as variables
from gansearch.cli.certify import conclude_certification, train_again
from gansearch.cli.interrupts import StopOnSignals, machine_errors_told
from gansearch.cli.live_table import LiveTable
from gansearch.cli.output import (
    Json,
    Quiet,
    Verbose,
    console,
    print_json,
    print_log,
    quiet_console,
)
from gansearch.cli.pareto import print_result
from gansearch.cli.plain_lines import PlainLines
from gansearch.cli.run_lookup import find_run, read_run_certification
from gansearch.cli.study_check import check_study, print_data
from gansearch.cli.trust import Trust, require_trusted
from gansearch.errors import GansearchError
from gansearch.execution.local import prepare_workers
from gansearch.ranking.study_summary import RunSummary
from gansearch.report.certificates import certification_status
from gansearch.report.trial_counts import status_json
from gansearch.report.trial_figures import figure_warnings
from gansearch.run import certifies_at_end, import_run, run_study, time_budget
from gansearch.search.certification_plan import Choice
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_reader import count_rejections, read_records
from gansearch.study.checked_study import CheckedStudy
from gansearch.study.study import Study

StudyFile = Annotated[Path, typer.Argument(help="The study's YAML file.", metavar="STUDY")]
Out = Annotated[
    Path | None,
    typer.Option(
        help=f"Run folder; by default ./runs/, or the folder of {variables.RUNS}, and the "
        "study's name."
    ),
]
Trials = Annotated[
    int | None, typer.Option(min=1, help="Total number of trials, instead of search.trials.")
]
Timeout = Annotated[
    str | None,
    typer.Option(
        metavar="40m",
        help="Time of this command with the certification, instead of search.timeout.",
    ),
]
Workers = Annotated[
    str | None,
    typer.Option(
        envvar=variables.WORKERS, help="Candidates trained at the same time: a number, or auto."
    ),
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
NewStorage = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar=variables.STORAGE,
        help="Database for the trials: postgresql://user@host/database.",
    ),
]
Track = Annotated[
    list[str] | None,
    typer.Option(
        "--track",
        metavar="TRACKER",
        help="Write to tensorboard, mlflow, wandb or trackio as well; may be repeated.",
    ),
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
Import = Annotated[
    Path | None,
    typer.Option(
        "--import",
        metavar="RUN",
        help="Take over the trials of another run that are trials of this study too.",
    ),
]
Check = Annotated[
    bool, typer.Option("--check", help="Show space, layers and expected cost; keep nothing.")
]


def run(
    context: typer.Context,
    study: StudyFile,
    trials: Trials = None,
    timeout: Timeout = None,
    executor: Executor = None,
    address: Address = None,
    workers: Workers = None,
    per_candidate: PerCandidate = None,
    storage: NewStorage = None,
    trackers: Track = None,
    out: Out = None,
    overrides: Override = None,
    fresh: Fresh = False,
    imported: Import = None,
    check: Check = False,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Search for small stable GANs, or continue an earlier search."""
    trainer = _executor(executor, address, workers, per_candidate)
    settings = _settings(
        {"search.trials": trials, "search.timeout": timeout, "storage": storage} | trainer, trackers
    )
    print_log(console(stderr=json), verbose=verbose, quiet=quiet)
    changes = [*(overrides or []), *settings]
    if check:
        check_study(study, changes, json)
    else:
        source = None if imported is None else find_run(imported)
        named_by = context.get_parameter_source("storage")
        _search(
            study,
            changes,
            out,
            source,
            storage_is_default=named_by is not None and named_by.name == "ENVIRONMENT",
            fresh=fresh,
            json=json,
            quiet=quiet,
        )


def resume(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="A run folder, or the name of a study in ./runs."),
    ],
    trials: Trials = None,
    timeout: Timeout = None,
    executor: Executor = None,
    address: Address = None,
    workers: Workers = None,
    per_candidate: PerCandidate = None,
    storage: Storage = None,
    trackers: Track = None,
    overrides: Override = None,
    trust: Trust = False,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Continue a study that was stopped."""
    folder = find_run(run)
    require_trusted(folder, agreed=trust)
    settings = _settings(
        {"search.trials": trials, "search.timeout": timeout, "storage": storage}
        | _executor(executor, address, workers, per_candidate),
        trackers,
    )
    print_log(console(stderr=json), verbose=verbose, quiet=quiet)
    changes = [*(overrides or []), *settings]
    _search(folder.study_file, changes, folder.path, None, fresh=False, json=json, quiet=quiet)


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


def _settings(changes: Mapping[str, object], trackers: Sequence[str] | None) -> list[str]:
    """Return the options as changes of the study."""
    known = {key: value for key, value in changes.items() if value is not None}
    if trackers:
        known["trackers"] = f"[{', '.join(trackers)}]"
    return [f"{key}={value}" for key, value in known.items()]


def _search(
    path: Path,
    overrides: list[str],
    out_folder: Path | None,
    source: RunFolder | None,
    *,
    storage_is_default: bool = False,
    fresh: bool,
    json: bool,
    quiet: bool,
) -> None:
    began, out = time.monotonic(), console(stderr=json)
    checked = CheckedStudy.load(path, overrides)
    prepare_workers(checked.spec.executor, checked.spec.training.device)
    study = Study.of(checked)
    print_data(study, out)
    place = out_folder or variables.runs_folder() / study.spec.name
    folder = RunFolder(place)
    if storage_is_default and folder.has_begun and folder.spec().storage is None:
        # The environment names the database of new runs; this one has its trials in its folder.
        study = replace(study, spec=study.spec.model_copy(update={"storage": None}))
    shown = quiet_console() if quiet else out
    progress = LiveTable if shown.is_terminal else PlainLines
    if source is not None:
        for line in import_run(study, place, source, fresh=fresh).lines():
            out.print(line, markup=False, soft_wrap=True)
        fresh = False
    budget = time_budget(study, time.monotonic() - began)
    is_certified = True
    with StopOnSignals() as stop:
        with machine_errors_told(place), progress(study.spec, shown, place) as listener:
            folder = run_study(study, place, listener, fresh=fresh, stop=stop.asked, budget=budget)
        if (certifies := certifies_at_end(study.spec)) and not stop.asked():
            is_certified = train_again(study, folder, Choice(), shown, stop, budget)
    stop.leave_if_asked(f"gansearch resume {place}", out)
    ended = sum(record.ended for record in read_records(folder))
    if budget is not None and ended < study.spec.search.trials:
        out.print(
            f"{ended} of {study.spec.search.trials} trials in {study.spec.search.timeout} "
            f"(search.timeout); go on with: gansearch resume {place}",
            markup=False,
            soft_wrap=True,
        )
    elif budget is not None and not is_certified:
        out.print(
            f"{study.spec.search.timeout} (search.timeout) left no time to end the certification; "
            f"go on with: gansearch certify {place}",
            markup=False,
            soft_wrap=True,
        )
    if json:
        print_json(result_json(folder))
    else:
        print_result(folder, out)
        if certifies:
            conclude_certification(folder, out)
    records = read_records(folder)
    if records and all(record.state == "failed" for record in records):
        raise GansearchError(
            f"all {len(records)} trials failed, the baseline among them; "
            f"`gansearch show {place} 0` tells why"
        )


def result_json(folder: RunFolder) -> dict[str, Any]:
    """Return the result of a run: place, counts, front, champion and certification."""
    certification = read_run_certification(folder)
    spec, records = certification.spec, certification.records
    result = RunSummary.of(spec, records, runs=certification.runs)
    return {
        "run": str(folder.path),
        **status_json(spec.name, records, count_rejections(folder)),
        **result.to_json(),
        "certification": certification_status(certification),
        "warnings": figure_warnings(records),
    }
