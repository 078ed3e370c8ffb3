"""Trial counts by state and verdict, and the table of failed trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from gansearch.report.formatting import figure
from gansearch.signals import STATUSES
from gansearch.trial_record import TrialRecord

STATES = ("complete", "pruned", "failed", "paused", "running")
VERDICT_STYLES: Mapping[str, str] = {
    "healthy": "green",
    "suspect": "yellow",
    "convergence-failure": "red",
    "mode-collapse": "magenta",
    "off-target": "bright_magenta",
    "diverged": "bright_red",
    "unjudged": "bright_black",
    "failed": "blue",
    "dominated": "cyan",
    "paused": "cyan",
}
"""Rich style by verdict, and by the other words of `verdict_name`."""


def count_states(records: Sequence[TrialRecord]) -> dict[str, int]:
    """Count trials by state; the counts add up to the number of trials."""
    states: list[str] = [record.state for record in records]
    return {state: states.count(state) for state in STATES}


def is_dominated(record: TrialRecord) -> bool:
    """Return True for a trial pruned at a rung because others did better, not for a failure."""
    failed = record.verdict is not None and record.verdict.failed
    return record.state == "pruned" and bool(record.dominated_by) and not failed


def count_dominated(records: Sequence[TrialRecord]) -> int:
    """Count the trials pruned at a rung because others did better."""
    return sum(map(is_dominated, records))


def count_verdicts(records: Sequence[TrialRecord]) -> dict[str, int]:
    """Count trials by their final verdict.

    A trial that runs, is paused or was stopped at a rung has none.
    """
    final = [
        record.verdict.status
        for record in records
        if record.ended and record.verdict and not is_dominated(record)
    ]
    return {status: final.count(status) for status in STATUSES}


def status_json(study: str, records: Sequence[TrialRecord], rejected: int) -> dict[str, Any]:
    """Return the JSON of `status --json`; `rejected` candidates were refused before training."""
    return {
        "study": study,
        "trials": count_states(records),
        "rejected": rejected,
        "dominated": count_dominated(records),
        "verdicts": count_verdicts(records),
        "steps_trained": sum(record.steps for record in records),
    }


def count_lines(records: Sequence[TrialRecord]) -> list[str]:
    """Return the counts above zero as rich markup: a line of states, then one of verdicts."""
    states = []
    for state, count in count_states(records).items():
        if not count:
            continue
        states.append(f"{count} {state}")
        if state == "pruned" and (dominated := count_dominated(records)):
            states[-1] += f" ({dominated} dominated at a rung)"
    verdicts = [
        f"[{VERDICT_STYLES[name]}]{count} {name}[/]"
        for name, count in count_verdicts(records).items()
        if count
    ]
    return [", ".join(part) for part in (states, verdicts) if part] or ["no trials yet"]


def failed_trials(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the trials that were trained and failed: condemned by a detector, or crashed."""
    return [
        record
        for record in records
        if record.state in ("pruned", "failed") and not is_dominated(record)
    ]


def failure_reasons(records: Sequence[TrialRecord]) -> dict[str, int]:
    """Count the failed trials by verdict, crashes as `failed`, the most frequent first."""
    return dict(Counter(map(verdict_name, failed_trials(records))).most_common())


def failures_table(records: Sequence[TrialRecord], size: str = "generator_params") -> Table:
    """Return a table of failed trials with verdict, step and the rule that condemned them."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("trial", justify="right")
    table.add_column(size, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("step", justify="right")
    table.add_column("why", overflow="fold")
    for record in records:
        name, verdict = verdict_name(record), record.verdict
        rule = verdict.evidence.get("rule", "") if verdict else ""
        table.add_row(
            str(record.number),
            figure(record.figures.get(size), whole=True),
            f"[{VERDICT_STYLES[name]}]{name}[/]",
            figure(verdict.step if verdict else None, whole=True),
            escape((record.reason or str(rule)).partition("\n")[0]),
        )
    return table


def verdict_name(record: TrialRecord) -> str:
    """Return the verdict, or `paused`, `dominated` or `failed` for a trial without."""
    if record.state == "paused":
        return "paused"
    if is_dominated(record):
        return "dominated"
    if record.verdict is None or record.state == "failed":
        return "failed"
    return record.verdict.status
