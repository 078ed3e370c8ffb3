"""`gansearch export`: a trained generator as a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gansearch.cli.output import Json, console, print_json
from gansearch.cli.run_lookup import Run, find_run, find_trial, relative
from gansearch.export.trial_choice import best_trial, summary_of


def export(
    run: Run,
    trial: Annotated[
        int | None,
        typer.Option(
            min=0, help="The trial; else the champion, the smallest within tolerance, or the best."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Folder to make; by default champion/ or exports/ in the run folder.",
        ),
    ] = None,
    int8: Annotated[
        bool,
        typer.Option("--int8", help="Write it in int8 too, with size, time and quality beside."),
    ] = False,
    json: Json = False,
) -> None:
    """Write a trained generator as a bundle: weights, ONNX, plain PyTorch and a model card.

    Every file is run and compared with the trained network before the command ends.
    """
    # Imported here, since torch takes seconds to import and a wrong option need not wait for it.
    from gansearch.export.writer import export_trial

    folder = find_run(run)
    summary = summary_of(folder)
    if trial is None:
        record, why = best_trial(folder, summary)
    else:
        record, why = find_trial(folder, trial)[0], ""
    is_champion = record.number == getattr(summary.summary.champion, "number", None)
    target = output or (folder.champion if is_champion else folder.bundle(record.number))
    manifest = export_trial(folder, record, summary, target, trusted=folder.is_trusted, int8=int8)
    if json:
        print_json({"path": str(target), **manifest.model_dump(mode="json")})
        return
    out = console()
    reason = f", {why}" if why else ""
    out.print(
        f"wrote {relative(target)}: trial {record.number}{reason}", markup=False, soft_wrap=True
    )
    for name, check in manifest.checks.items():
        out.print(
            f"  {name}: largest difference {check.max_difference:.1e} ({check.ran_with})",
            markup=False,
            soft_wrap=True,
        )
    for name, why_not in manifest.left_out.items():
        out.print(f"  no {name}: {why_not}", markup=False, soft_wrap=True)
