"""Remedies of one run, and the most frequent ones of a study, as tables."""

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
    """Return the remedies of one run, best first, each with reason, change and source."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", justify="right", no_wrap=True)
    table.add_column(HEADING, overflow="fold")
    for number, remedy in enumerate(remedies, start=1):
        text = Text(remedy.title, style="cyan")
        text.append(f"\nbecause {remedy.because}", style="default")
        if change := change_line(remedy):
            text.append(f"\nset {change}", style="default")
        text.append(f"\n{remedy.source}", style="default dim")
        table.add_row(str(number), text)
    return table


def change_line(remedy: Remedy) -> str:
    """Return a change as in a study file: `schedule: {use: alternating}`; empty without one."""
    if not remedy.change:
        return ""
    change = {role: dict(fields) for role, fields in remedy.change.items()}
    written: str = yaml.safe_dump(change, default_flow_style=True, sort_keys=False, width=10_000)
    return written.strip()[1:-1]


def commonest_remedies(records: Sequence[TrialRecord]) -> Table | None:
    """Return the most frequent remedies, each with the reason of one trial; None without any."""
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
        text = Text(title, style="cyan").append(
            f"\ntrial {record.number}: {remedy.because}", style="default dim"
        )
        table.add_row(f"{len(cases)} of {len(advised)}", text)
    return table if advised else None
