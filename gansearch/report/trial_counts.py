"""How many trials there are of each kind, and what became of those that are not on any front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from gansearch.report.formatting import figure
from gansearch.signals import STATUSES
from gansearch.trial_record import TrialRecord

VERDICT_STYLES: Mapping[str, str] = {
    "healthy": "green",
    "suspect": "yellow",
    "convergence-failure": "red",
    "mode-collapse": "magenta",
    "off-target": "bright_magenta",
    "diverged": "bright_red",
    "unjudged": "bright_black",
    "failed": "blue",
    "outdone": "cyan",
}
"""By verdict, and by what `verdict_name` says of trials that have none for good."""


def count_states(records: Sequence[TrialRecord]) -> dict[str, int]:
    """Trials by state.

    Those refused before training are `rejected` and no others; attempts that were interrupted and
    queued again are `retried` and no others. So complete, pruned and failed add up to the trials
    that the study asked for and got. A run that was set aside and taken up again is one of the retried.
    """
    counts = dict.fromkeys(
        ("complete", "pruned", "failed", "running", "waiting", "rejected", "retried"), 0
    )
    for record in records:
        counts[
            "retried" if record.retried else "rejected" if record.rejected else record.state
        ] += 1
    return counts


def count_outdone(records: Sequence[TrialRecord]) -> int:
    """Of the pruned trials those that were given up at a rung, without having failed."""
    return sum(map(is_outdone, records))


def count_verdicts(records: Sequence[TrialRecord]) -> dict[str, int]:
    """Judged trials by verdict, each of them named; not those given up at a rung, whose verdict was no last one."""
    counts: dict[str, int] = dict.fromkeys(STATUSES, 0)
    for record in records:
        if record.verdict is not None and not record.retried and not is_outdone(record):
            counts[record.verdict.status] += 1
    return counts


def status_json(study: str, records: Sequence[TrialRecord]) -> dict[str, Any]:
    """Where a study stands; the contract of `status --json`."""
    return {
        "study": study,
        "trials": count_states(records),
        "outdone": count_outdone(records),
        "verdicts": count_verdicts(records),
        # A run that took another one up has that one's steps among its own.
        "steps_trained": sum(record.steps for record in records if not record.retried),
    }


def tally_lines(records: Sequence[TrialRecord]) -> list[str]:
    """The counts that are not zero, in markup: trials by state, then by verdict."""
    outdone = f" ({count} outdone at a rung)" if (count := count_outdone(records)) else ""
    states = [
        f"{count} {state}" + (outdone if state == "pruned" else "")
        for state, count in count_states(records).items()
        if count
    ]
    verdicts = [
        f"[{VERDICT_STYLES[name]}]{count} {name}[/]"
        for name, count in count_verdicts(records).items()
        if count
    ]
    return [", ".join(part) for part in (states, verdicts) if part] or ["no trials yet"]


def tally_line(records: Sequence[TrialRecord]) -> str:
    """The same on one line: `9 complete, 3 pruned; 9 healthy, 3 mode-collapse`."""
    return "; ".join(tally_lines(records))


def is_outdone(record: TrialRecord) -> bool:
    """Whether a trial was given up at a rung, where others did better, without having failed in anything."""
    return (
        bool(record.dominated_by)
        and not record.retried
        and not (record.verdict and record.verdict.failed)
    )


def condemned(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Trials that were trained and failed: stopped by a verdict, or crashed."""
    ended = [record for record in records if record.state in ("pruned", "failed")]
    return [
        record for record in ended if not (record.rejected or record.retried or is_outdone(record))
    ]


def condemned_table(records: Sequence[TrialRecord], size: str = "generator_params") -> Table:
    """Condemned trials with verdict, step and the rule that condemned them."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("trial", justify="right")
    table.add_column(size, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("step", justify="right")
    table.add_column("why", overflow="fold")
    for record in records:
        name = verdict_name(record)
        step = record.verdict.step if record.verdict else None
        cells = [
            str(record.number),
            figure(record.figures.get(size), whole=True),
            f"[{VERDICT_STYLES[name]}]{name}[/]",
        ]
        table.add_row(*cells, figure(step, whole=True), escape(_why(record)))
    return table


def verdict_name(record: TrialRecord) -> str:
    """The verdict; `failed` for a trial that crashed or could not be measured, `outdone` for one given up at a rung."""
    if is_outdone(record):
        return "outdone"
    return record.verdict.status if record.verdict and record.state != "failed" else "failed"


def _why(record: TrialRecord) -> str:
    rule = record.verdict.evidence.get("rule", "") if record.verdict else ""
    return (record.reason or str(rule)).partition("\n")[0]
