"""All trials of a run as a table for a terminal, in every state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gansearch.report.formatting import figure, setting
from gansearch.report.trial_counts import VERDICT_STYLES, verdict_name
from gansearch.report.trial_figures import (
    GROUPS,
    QUANTITIES,
    Quantity,
    trial_figures,
    warning_lines,
)
from gansearch.trial_record import TrialRecord

NAMES = {quantity.name for quantity in QUANTITIES}
LEGEND = (
    "G, D: generator, discriminator. Latencies are medians for batches of that size, on the "
    "device in each trial's stamp.\nBlur ratio: sharpness of samples over that of the data. "
    "Losses and accuracies: means of the last 100 steps."
)


@dataclass(frozen=True)
class TrialsTable:
    """A row a trial; on a narrow terminal, settings, costs and training get a table each."""

    records: Sequence[TrialRecord]
    qualities: Sequence[str] = ()
    """Metrics that the study compares its trials by."""
    parameters: Sequence[str] = ()
    """Searched parameters whose values are shown."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        qualities = []
        for metric in self.qualities:
            if metric not in NAMES:
                first, _, rest = metric.partition("_")
                heading = f"{first}\n{rest}" if rest else f"\n{metric}"
                qualities.append(Quantity(metric, heading, ""))
        training = [*qualities, *GROUPS["samples"], *GROUPS["last 100 steps"]]
        groups: list[Sequence[Quantity | str]] = [self.parameters, GROUPS["cost of G"], training]
        width, tables = options.max_width, list[Table]()
        columns: list[Quantity | str] = []
        for group in groups:
            # A group goes into the table before it, or is cut where not even its own table fits.
            if columns and not self._fits(console, options, [*columns, *group], width):
                tables.append(self._table(columns))
                columns = []
            for column in group:
                if columns and not self._fits(console, options, [*columns, column], width):
                    tables.append(self._table(columns))
                    columns = []
                columns.append(column)
        tables.append(self._table(columns))
        for i, table in enumerate(tables):
            yield from (Text(), table) if i else (table,)
        yield from (Text(), Text(LEGEND, style="dim"), *warning_lines(self.records))

    def _fits(
        self,
        console: Console,
        options: ConsoleOptions,
        columns: Sequence[Quantity | str],
        width: int,
    ) -> bool:
        """Return True if a table of these columns is no wider than the terminal."""
        table = self._table(columns)
        return Measurement.get(console, options.update(width=10_000), table).maximum <= width

    def _table(self, columns: Sequence[Quantity | str]) -> Table:
        """Return a table of quantities, and of parameters by name."""
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        table.add_column("\ntrial", justify="right", no_wrap=True)
        table.add_column("\nverdict", no_wrap=True)
        table.add_column("at\nstep", justify="right", no_wrap=True)
        for column in columns:
            heading = _heading(column) if isinstance(column, str) else column.heading
            table.add_column(heading, justify="right", no_wrap=True)
        for record in self.records:
            known, settings = trial_figures(record), record.settings
            # A trial without a verdict shows its state.
            outcome: str = record.state
            if record.verdict is not None and record.state != "failed":
                outcome = verdict_name(record)
            step = record.verdict.step if record.verdict else None
            table.add_row(
                str(record.number),
                Text(outcome, VERDICT_STYLES.get(outcome, "dim")),
                figure(step, whole=True),
                *(
                    setting(settings.get(column))
                    if isinstance(column, str)
                    else column.written(known.get(column.name))
                    for column in columns
                ),
            )
        return table


def searched_parameters(records: Sequence[TrialRecord]) -> list[str]:
    """Return the parameters that differ among trials, in the order of the study."""
    values: dict[str, set[str]] = {}
    for record in records:
        for name, value in record.settings.items():
            values.setdefault(name, set()).add(str(value))
    return [name for name, found in values.items() if len(found) > 1]


def _heading(parameter: str) -> str:
    """Return a parameter's heading on two lines: `G` over `width` for `generator.width`."""
    role, _, field = parameter.partition(".")
    short = {"generator": "G", "discriminator": "D"}.get(role, role)
    if not field:
        return f"\n{short}"
    return f"{short}\n{field}"
