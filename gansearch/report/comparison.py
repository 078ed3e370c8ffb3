"""Two or more runs side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.table import Table

from gansearch.ranking.study_summary import RunSummary
from gansearch.report.formatting import figure, percent
from gansearch.report.trial_counts import count_states, failed_trials
from gansearch.trial_record import TrialRecord

PROTOCOL = ("version", "samples", "reference", "extractor", "dataset")
"""Parts of a stamp that must agree before qualities can be compared."""


@dataclass(frozen=True)
class Comparison:
    """Runs, each under the name that the user gave it."""

    runs: Mapping[str, RunSummary]

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as in `compare --json`."""
        return {
            "runs": [{"run": name, **self._figures(run)} for name, run in self.runs.items()],
            "comparable": not self.differences(),
            "differences": self.differences(),
        }

    def differences(self) -> list[str]:
        """Return the reasons for which qualities of these runs cannot be compared."""
        found = []
        qualities = {
            "none" if run.summary.quality is None else run.summary.quality.metric
            for run in self.runs.values()
        }
        if len(qualities) > 1:
            found.append(f"their qualities are {' and '.join(sorted(qualities))}")
        stamps = [
            next((one.stamp for one in run.records if one.metrics and one.stamp), {})
            for run in self.runs.values()
        ]
        for part in PROTOCOL:
            values = [str(stamp[part]) for stamp in stamps if part in stamp]
            if len(set(values)) > 1:
                name = {"version": "evaluation protocol"}.get(part, part)
                found.append(f"another {name}: {'; '.join(dict.fromkeys(values))}")
        return found

    def _figures(self, run: RunSummary) -> dict[str, Any]:
        summary = run.summary
        return {
            "trials": count_states(run.records),
            "healthy": len(run.front.healthy),
            "failed": len(failed_trials(run.records)),
            "steps_trained": sum(record.steps for record in run.records),
            "seconds": sum(record.seconds for record in run.records),
            "front": len(run.front.trials),
            "hypervolume": run.front.hypervolume,
            "reference_point": run.front.reference and list(run.front.reference.values),
            **{
                name: record and self._trial(run, record)
                for name, record in (
                    ("champion", summary.champion),
                    ("smallest_within_tolerance", summary.smallest_within_tolerance),
                    ("best_any_size", summary.best_any_size),
                    ("baseline", summary.baseline),
                )
            },
        }

    def _trial(self, run: RunSummary, record: TrialRecord) -> dict[str, Any]:
        summary = run.summary
        certificate = summary.certificates.get(record.number)
        quality = summary.quality
        return {
            "trial": record.number,
            "size": summary.size.value(record),
            "quality": None if quality is None else quality.value(record),
            "median": certificate and certificate.quality and certificate.quality.median,
            "share_of_baseline": summary.share_of_baseline(record),
        }

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("")
        for name in self.runs:
            table.add_column(escape(name), justify="right", overflow="fold")
        known = [self._figures(run) for run in self.runs.values()]
        for name, words in (
            ("healthy", "healthy trials"),
            ("failed", "failed trials"),
            ("front", "trials on the front"),
            ("steps_trained", "steps trained"),
            ("seconds", "seconds of training"),
        ):
            table.add_row(words, *(figure(one[name], whole=True) for one in known))
        if len({str(one["reference_point"]) for one in known}) == 1:
            table.add_row("hypervolume", *(figure(one["hypervolume"]) for one in known))
        for name in ("champion", "smallest_within_tolerance", "best_any_size", "baseline"):
            table.add_row(name.replace("_", " "), *(_trial_text(one[name]) for one in known))
        yield table
        if differences := self.differences():
            yield "Their qualities cannot be compared:"
            yield from (f"  {escape(line)}" for line in differences)


def _trial_text(known: Mapping[str, Any] | None) -> str:
    """Return a trial as `trial 7: 2,914 (1.2%), 72.9`, and its median over fresh seeds."""
    if known is None:
        return "-"
    share = known["share_of_baseline"]
    size = figure(known["size"], whole=True) + ("" if share is None else f" ({percent(share)})")
    text = f"trial {known['trial']}: {size}"
    if known["quality"] is not None:
        text += f", {figure(known['quality'])}"
    return text if known["median"] is None else f"{text}, median {figure(known['median'])}"
