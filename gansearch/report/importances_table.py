"""Table of the parameters that matter, with their values in the best trials and in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.table import Table

from gansearch.report.formatting import figure, percent, setting
from gansearch.study.objective import Objective
from gansearch.trial_record import TrialRecord


@dataclass(frozen=True)
class ImportancesTable:
    """Parameters of a search by their importance for its quality."""

    quality: Objective | None
    importances: Mapping[str, float]
    """Shares by parameter; empty where there are too few healthy trials."""
    healthy: Sequence[TrialRecord]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield (
            "Most trials differ from the baseline in more than two fields, so no field can be "
            "judged alone."
        )
        if self.quality is None or not self.importances:
            yield "There are too few healthy trials to say which parameters matter."
            return
        quality = self.quality
        ordered = sorted(self.healthy, key=lambda record: quality.cost(quality.value(record)))
        best = ordered[: max(1, len(ordered) // 4)]
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("parameter", no_wrap=True)
        table.add_column("importance", justify="right")
        table.add_column("best quarter", overflow="fold")
        table.add_column("all healthy", overflow="fold")
        for name, share in sorted(self.importances.items(), key=lambda item: -item[1]):
            cells = (_values(name, records) for records in (best, self.healthy))
            table.add_row(escape(name), percent(share), *map(escape, cells))
        yield table
        yield (
            f"Importance for {self.quality.metric}: how far the values of the best quarter of "
            f"{len(self.healthy)} healthy trials differ from those of all (PED-ANOVA)."
        )


def _values(name: str, records: Sequence[TrialRecord]) -> str:
    """Return the range of numbers, or the counts of other values, the most frequent first."""
    values: list[Any] = [r.settings[name] for r in records if name in r.settings]
    if not values:
        return "-"
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        low, high = (figure(value) for value in (min(values), max(values)))
        return low if low == high else f"{low} to {high}"
    counts = Counter(map(setting, values)).most_common()
    return ", ".join(f"{value} ({count})" for value, count in counts)
