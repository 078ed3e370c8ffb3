"""`gansearch status`."""

from __future__ import annotations

from rich.text import Text

from gansearch.cli.output import Json, console, print_json
from gansearch.cli.run_lookup import Run, find_run, read_run_certification
from gansearch.report.certificates import certification_status
from gansearch.report.trial_counts import count_lines, failed_trials, failures_table, status_json
from gansearch.storage.trial_reader import count_rejections


def status(run: Run, json: Json = False) -> None:
    """Count the trials of a run by state and verdict."""
    folder = find_run(run)
    certification, rejected = read_run_certification(folder), count_rejections(folder)
    spec, records = certification.spec, certification.records
    counts = status_json(spec.name, records, rejected) | {
        "certification": certification_status(certification)
    }
    if json:
        print_json(counts)
        return
    out = console()
    ended = sum(counts["trials"][state] for state in ("complete", "pruned", "failed"))
    out.print(
        f"[bold]{spec.name}[/]: {ended} of {spec.search.trials} trials, "
        f"{counts['steps_trained']:,} steps trained"
    )
    out.print("\n".join(count_lines(records)))
    if rejected:
        out.print(f"{rejected} candidates rejected before training, which cost nothing")
    if certification.runs:
        out.print(f"certification: {'; '.join(count_lines(certification.runs))}")
        out.print(certification.conclusion())
    if failures := failed_trials(records):
        out.print(Text(), failures_table(failures))
