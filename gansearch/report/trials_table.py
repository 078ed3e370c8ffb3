"""All trials of a run as a table for a terminal, in every state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gansearch.report.formatting import figure
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
    """A row a trial, by number; on a narrow terminal, costs and training get a table each."""

    records: Sequence[TrialRecord]
    qualities: Sequence[str] = ()
    """Metrics that the study compares its trials by."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        qualities = []
        for metric in self.qualities:
            if metric not in NAMES:
                first, _, rest = metric.partition("_")
                heading = f"{first}\n{rest}" if rest else f"\n{metric}"
                qualities.append(Quantity(metric, heading, ""))
        training = [*qualities, *GROUPS["samples"], *GROUPS["last 100 steps"]]
        whole = self._table([*GROUPS["cost of G"], *training])
        width = Measurement.get(console, options.update(width=10_000), whole).maximum
        if width <= options.max_width:
            yield whole
        else:
            yield from (self._table(GROUPS["cost of G"]), Text(), self._table(training))
        yield from (Text(), Text(LEGEND, style="dim"), *warning_lines(self.records))

    def _table(self, columns: Sequence[Quantity]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        table.add_column("\ntrial", justify="right", no_wrap=True)
        table.add_column("\nverdict", no_wrap=True)
        table.add_column("at\nstep", justify="right", no_wrap=True)
        for quantity in columns:
            table.add_column(quantity.heading, justify="right", no_wrap=True)
        for record in self.records:
            known = trial_figures(record)
            # A trial without a verdict shows its state.
            outcome: str = record.state
            if record.verdict is not None and record.state != "failed":
                outcome = verdict_name(record)
            step = record.verdict.step if record.verdict else None
            table.add_row(
                str(record.number),
                Text(outcome, VERDICT_STYLES.get(outcome, "dim")),
                figure(step, whole=True),
                *(quantity.written(known.get(quantity.name)) for quantity in columns),
            )
        return table
