"""`gansearch certify`: whether what a search has found comes out healthy with other seeds too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gansearch.cli.interrupts import StopOnSignals
from gansearch.cli.output import Json, Overrides, console, print_json
from gansearch.cli.run_lookup import Run, find_run, read_certification, read_records

if TYPE_CHECKING:
    from rich.console import Console

    from gansearch.report.certificates import Certification
    from gansearch.search.certification import Choice
    from gansearch.storage.run_folder import RunFolder
    from gansearch.study.study import Study

Trials = Annotated[
    list[int] | None,
    typer.Option(
        "--trial", min=0, metavar="N", help="Just this trial; may be given several times."
    ),
]
WholeFront = Annotated[
    bool, typer.Option("--all", help="The whole front, whether or not there is a champion.")
]
Seeds = Annotated[
    int | None, typer.Option(min=1, help="Fresh seeds at most, instead of what the study says.")
]
Required = Annotated[
    int | None, typer.Option(min=1, help="Of those, how many must come out healthy.")
]


def certify(
    run: Run,
    trials: Trials = None,
    whole_front: WholeFront = False,
    seeds: Seeds = None,
    required: Required = None,
    json: Json = False,
    overrides: Overrides = None,
) -> None:
    """Train candidates again with fresh seeds, from the smallest upward, until one is proven stable and good."""
    from gansearch.report.certificates import certification_json
    from gansearch.search.certification import Choice, chosen
    from gansearch.study.study import Study

    if trials and whole_front:
        raise typer.BadParameter("takes the place of --trial; give one of them", param_hint="--all")
    folder = find_run(run)
    choice = chosen(trials, read_records(folder)) if trials else Choice(whole_front=whole_front)
    settings = {"certification.seeds": seeds, "certification.required": required}
    study = Study.load(
        folder.study_file,
        [
            *(overrides or []),
            *(f"{key}={value}" for key, value in settings.items() if value is not None),
        ],
    )
    out = console(stderr=json)
    with StopOnSignals() as stop:
        train_again(study, folder, choice, out, stop)
    named = "".join(f" --trial {number}" for number in choice.trials) + (
        " --all" if whole_front else ""
    )
    stop.leave_if_asked(f"gansearch certify {run}{named}", out)
    if json:
        print_json(certification_json(certification_in(folder)))
    else:
        conclude_certification(folder, out)


def train_again(
    study: Study, folder: RunFolder, choice: Choice, out: Console, stop: StopOnSignals
) -> None:
    """Certify candidates of a study, showing how far it is."""
    from gansearch.cli.certification_progress import LiveCertification, PlainCertification
    from gansearch.run import certify_study

    listener = (LiveCertification if out.is_terminal else PlainCertification)(
        study.spec, out, read_records(folder)
    )
    with listener:
        certify_study(study, folder, listener, choice, stop=stop.asked)


def conclude_certification(folder: RunFolder, out: Console) -> None:
    """Tell what the certification of a run has come to."""
    from rich.text import Text

    from gansearch.report.certificates import CertificatesTable

    out.print(Text(), CertificatesTable(certification_in(folder)))


def certification_in(folder: RunFolder) -> Certification:
    """A run's certification, from what its folder holds."""
    from gansearch.report.certificates import Certification

    return Certification.of(folder.spec(), read_records(folder), read_certification(folder))
