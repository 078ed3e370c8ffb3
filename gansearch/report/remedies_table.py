"""What to try next: the remedies of one run, and those that come up most often in a study."""

from __future__ import annotations

from collections.abc import Sequence

import yaml
from rich.table import Table
from rich.text import Text

from gansearch.signals import Remedy
from gansearch.trial_record import TrialRecord

HEADING = "what to try next"
COMMONEST = 4
"""Remedies of a whole study that are shown; `gansearch show` has all those of a trial."""


def next_steps(remedies: Sequence[Remedy]) -> Table:
    """The remedies of one run, best first: each with its reason, its change and its source."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", justify="right", no_wrap=True)
    table.add_column(HEADING, overflow="fold")
    for number, remedy in enumerate(remedies, start=1):
        told = Text(remedy.title, style="cyan")
        told.append(f"\nbecause {remedy.because}", style="default")
        if change := change_line(remedy):
            told.append(f"\nset {change}", style="default")
        told.append(f"\n{remedy.source}", style="default dim")
        table.add_row(str(number), told)
    return table


def change_line(remedy: Remedy) -> str:
    """A change as a study file would have it: `schedule: {use: alternating}`; empty where there is none."""
    if not remedy.change:
        return ""
    change = {role: dict(fields) for role, fields in remedy.change.items()}
    written: str = yaml.safe_dump(change, default_flow_style=True, sort_keys=False, width=10_000)
    return written.strip()[1:-1]


def commonest_steps(records: Sequence[TrialRecord]) -> Table | None:
    """The remedies that trials have in common, most frequent first, each with the reason of one; None without any."""
    advised = [record for record in records if record.remedies and record.state != "complete"]
    having: dict[str, list[tuple[TrialRecord, Remedy]]] = {}
    for record in advised:
        for remedy in record.remedies:
            having.setdefault(remedy.title, []).append((record, remedy))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("for", justify="right", no_wrap=True)
    table.add_column(HEADING, overflow="fold")
    for title, cases in sorted(having.items(), key=lambda entry: -len(entry[1]))[:COMMONEST]:
        record, remedy = cases[0]
        told = Text(title, style="cyan").append(
            f"\ntrial {record.number}: {remedy.because}", style="default dim"
        )
        table.add_row(f"{len(cases)} of {len(advised)}", told)
    return table if advised else None
