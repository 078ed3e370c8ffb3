"""`gansearch certify`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from gansearch.cli.certification_progress import LiveCertification, PlainCertification
from gansearch.cli.interrupts import StopOnSignals, machine_errors_told
from gansearch.cli.output import (
    Json,
    Overrides,
    Quiet,
    Verbose,
    console,
    print_json,
    print_log,
    quiet_console,
)
from gansearch.cli.run_lookup import Run, find_run, read_run_certification, relative
from gansearch.cli.trust import Trust, require_trusted
from gansearch.report.certificates import certification_json
from gansearch.report.certificates_table import CertificatesTable
from gansearch.run import certify_study
from gansearch.search.certification_plan import Choice, chosen
from gansearch.search.time_budget import TimeBudget
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_reader import read_records
from gansearch.study.study import Study

Trials = Annotated[
    list[int] | None,
    typer.Option("--trial", min=0, metavar="N", help="Certify only this trial; may be repeated."),
]
WholeFront = Annotated[
    bool, typer.Option("--all", help="Certify the whole front, even if there is a champion.")
]
Seeds = Annotated[
    int | None,
    typer.Option(min=1, help="Largest number of fresh seeds, instead of certification.seeds."),
]
Required = Annotated[
    int | None, typer.Option(min=1, help="Healthy runs needed, instead of certification.required.")
]


def certify(
    run: Run,
    trials: Trials = None,
    whole_front: WholeFront = False,
    seeds: Seeds = None,
    required: Required = None,
    json: Json = False,
    overrides: Overrides = None,
    trust: Trust = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Train candidates again with fresh seeds, until one is stable and good enough.

    The smallest candidates come first.
    """
    if trials and whole_front:
        raise typer.BadParameter("takes the place of --trial; give one of them", param_hint="--all")
    folder = find_run(run)
    require_trusted(folder, agreed=trust)
    choice = Choice(whole_front=whole_front)
    if trials:
        choice = chosen(trials, read_records(folder))
    settings = {"certification.seeds": seeds, "certification.required": required}
    changes = [f"{key}={value}" for key, value in settings.items() if value is not None]
    study = Study.load(folder.study_file, [*(overrides or []), *changes])
    out = console(stderr=json)
    print_log(out, verbose=verbose, quiet=quiet)
    with StopOnSignals() as stop:
        train_again(study, folder, choice, quiet_console() if quiet else out, stop)
    command = f"gansearch certify {run}"
    command += "".join(f" --trial {number}" for number in choice.trials)
    if whole_front:
        command += " --all"
    stop.leave_if_asked(command, out)
    if json:
        print_json(certification_json(read_run_certification(folder)))
    else:
        conclude_certification(folder, out)


def train_again(
    study: Study,
    folder: RunFolder,
    choice: Choice,
    out: Console,
    stop: StopOnSignals,
    budget: TimeBudget | None = None,
) -> bool:
    """Certify candidates of a study, showing the progress; False if something is left to train."""
    progress = LiveCertification if out.is_terminal else PlainCertification
    searched = read_records(folder)
    with (
        machine_errors_told(folder.path),
        progress(study.spec, out, folder.path, searched, choice) as listener,
    ):
        return certify_study(study, folder, listener, choice, stop=stop.asked, budget=budget)


def conclude_certification(folder: RunFolder, out: Console) -> None:
    """Print the result of a run's certification."""
    out.print(Text(), CertificatesTable(read_run_certification(folder)))
    if folder.champion.is_dir():
        place = relative(folder.champion)
        out.print(f"the champion, to take away: {place}", markup=False, soft_wrap=True)
