"""Effects of changes to the baseline: trials grouped by the fields that differ from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.table import Table

from gansearch.ranking.pareto import Objective
from gansearch.ranking.study_summary import study_summary
from gansearch.report.formatting import figure, setting
from gansearch.report.trial_counts import VERDICT_STYLES, verdict_name
from gansearch.report.trial_figures import warning_lines
from gansearch.study.spec import StudySpec
from gansearch.trial_record import TrialRecord

MOST_FIELDS = 2
"""Changed fields up to which the trials of a change can be compared with the baseline."""
Values = Mapping[str, Any]
"""Values by field, as `role.field`; an architecture stands under its role alone."""


@dataclass(frozen=True)
class Change:
    """The trials that differ from the baseline in the same fields."""

    fields: tuple[str, ...]
    trials: tuple[tuple[TrialRecord, Values], ...]
    """Trials, each with the values of those fields."""

    @property
    def trained(self) -> list[TrialRecord]:
        return [record for record, _ in self.trials]

    @property
    def failed(self) -> list[TrialRecord]:
        """Trials that were trained and are not healthy."""
        return [record for record in self.trained if not is_healthy(record)]

    def verdicts(self) -> dict[str, tuple[int, float | None]]:
        """Return the number of trials by verdict, and the median of its steps."""
        verdicts: dict[str, list[TrialRecord]] = {}
        for record in self.trained:
            verdicts.setdefault(verdict_name(record), []).append(record)
        return {name: (len(records), _median_step(records)) for name, records in verdicts.items()}

    @property
    def median_step(self) -> float | None:
        """Median step of the failures."""
        return _median_step(self.failed)


@dataclass(frozen=True)
class Changes:
    """All changes to the baseline in a run."""

    study: str
    baseline: TrialRecord | None
    quality: Objective | None
    """The study's first objective that is no size."""
    changes: tuple[Change, ...]

    @classmethod
    def of(cls, spec: StudySpec, records: Sequence[TrialRecord]) -> Changes:
        """Compare the trials that have ended with the baseline, in order of their number."""
        summary = study_summary(spec, records)
        if summary.baseline is None or not summary.baseline.ended:
            return cls(spec.name, None, summary.quality, ())
        groups: dict[tuple[str, ...], list[tuple[TrialRecord, Values]]] = {}
        for record in records:
            if record.ended and (values := differences(summary.baseline, record)):
                groups.setdefault(tuple(values), []).append((record, values))
        changes = tuple(Change(fields, tuple(trials)) for fields, trials in groups.items())
        return cls(spec.name, summary.baseline, summary.quality, changes)

    @property
    def mending(self) -> list[tuple[TrialRecord, Values]]:
        """Healthy trials with one change to a failed baseline, the best first."""
        if self.baseline is None or is_healthy(self.baseline):
            return []
        healthy = [
            (record, values)
            for change in self.changes
            for record, values in change.trials
            if len(change.fields) == 1 and is_healthy(record)
        ]

        def rank(trial: tuple[TrialRecord, Values]) -> tuple[float, int]:
            quality = self.quality_of(trial[0])
            if self.quality is None or quality is None:
                return math.inf, trial[0].number
            return self.quality.cost(quality), trial[0].number

        return sorted(healthy, key=rank)

    @property
    def vary_together(self) -> bool:
        """True if most trials differ from the baseline in more than two fields.

        Then every trial is a change of its own, and none of them says what one field does.
        """
        fields = [len(change.fields) for change in self.changes for _ in change.trials]
        return sum(count > MOST_FIELDS for count in fields) > len(fields) / 2

    def quality_of(self, record: TrialRecord) -> float | None:
        """Return a trial's quality, or None."""
        if self.quality is None:
            return None
        value = self.quality.value(record)
        return value if math.isfinite(value) else None

    def to_json(self) -> dict[str, Any]:
        return {
            "study": self.study,
            "quality": self.quality.metric if self.quality else None,
            "baseline": None if self.baseline is None else self._trial_json(self.baseline, {}),
            "changes": [
                {
                    "fields": list(change.fields),
                    "tried": len(change.trained),
                    "failed": len(change.failed),
                    "verdicts": {
                        name: {"count": n, "median_step": step}
                        for name, (n, step) in change.verdicts().items()
                    },
                    "trials": [
                        self._trial_json(record, values) for record, values in change.trials
                    ],
                }
                for change in self.changes
            ],
            "mending": [self._trial_json(record, values) for record, values in self.mending],
        }

    def _trial_json(self, record: TrialRecord, values: Values) -> dict[str, Any]:
        return {
            "trial": record.number,
            "values": dict(values),
            "verdict": record.verdict.status if record.verdict else None,
            "step": record.verdict.step if record.verdict else None,
            "quality": self.quality_of(record),
            "reason": record.reason or None,
        }


def _median_step(records: Sequence[TrialRecord]) -> float | None:
    steps = [
        record.verdict.step
        for record in records
        if record.verdict and record.verdict.step is not None
    ]
    return median(steps) if steps else None


def is_healthy(record: TrialRecord) -> bool:
    """Return True for a trial that is ranked."""
    return record.state == "complete"


def differences(baseline: TrialRecord, record: TrialRecord) -> dict[str, Any]:
    """Return the values in which a trial differs from the baseline.

    Another architecture is one difference, with the fields that the baseline lacks. A trial with
    incompatible values has no candidate, so its parameters are compared.
    """
    if record.candidate:
        baseline_roles, roles = baseline.candidate, record.candidate
        compared = [role for role in roles if role in baseline_roles]
    else:
        baseline_roles, roles = _by_role(baseline.parameters), _by_role(record.parameters)
        compared = list(roles)
    found: dict[str, Any] = {}
    for role in compared:
        base, own = baseline_roles.get(role, {}), roles[role]
        if base.get("use") != own.get("use"):
            added = ", ".join(f"{name} {setting(own[name])}" for name in own if name not in base)
            found[role] = f"{own.get('use')} ({added})" if added else own.get("use")
        for name, value in own.items():
            if name in base and name != "use" and value != base[name]:
                found[f"{role}.{name}"] = value
    return found


def _by_role(parameters: Values) -> dict[str, dict[str, Any]]:
    """Group parameters by role: `role` is an architecture, `role[.use].field` a field."""
    roles: dict[str, dict[str, Any]] = {}
    for name, value in parameters.items():
        role, _, field = name.partition(".")
        roles.setdefault(role, {})[field.rpartition(".")[2] or "use"] = value
    return roles


@dataclass(frozen=True)
class ChangesTable:
    """Changes for a terminal: a line a change, a line for each of its trials, and a conclusion."""

    changes: Changes

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.changes.baseline is None:
            yield "The baseline has not ended yet, so nothing can be held against it."
            return
        yield self._table(self.changes.baseline)
        yield ""
        yield self._conclusion(self.changes.baseline)
        changed = (record for change in self.changes.changes for record in change.trained)
        yield from warning_lines([self.changes.baseline, *changed])

    def _table(self, baseline: TrialRecord) -> Table:
        quality = self.changes.quality
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("changed", overflow="fold")
        table.add_column("trial", justify="right")
        table.add_column("verdict", no_wrap=True)
        table.add_column("step", justify="right")
        table.add_column(quality.metric if quality else "", justify="right")
        table.add_column("of ★", justify="right")
        table.add_row("[bold]nothing: the baseline[/]", *self._cells(baseline))
        for change in self.changes.changes:
            # Each field on its own line: together they are too long for any terminal.
            fields = "\n".join(change.fields)
            failed = f"{len(change.failed)} of {len(change.trained)} failed"
            table.add_row(
                f"[bold]{escape(fields)}[/]", "", failed, figure(change.median_step, whole=True)
            )
            for record, values in change.trials:
                listed = ", ".join(setting(value) for value in values.values())
                table.add_row(f"  {escape(listed)}", *self._cells(record))
        return table

    def _cells(self, record: TrialRecord) -> list[str]:
        """Return number, verdict, its step, quality, and quality divided by the baseline's."""
        name = verdict_name(record)
        own, base = self.changes.quality_of(record), None
        if self.changes.baseline is not None:
            base = self.changes.quality_of(self.changes.baseline)
        return [
            str(record.number),
            f"[{VERDICT_STYLES[name]}]{name}[/]",
            figure(record.verdict.step if record.verdict else None, whole=True),
            figure(own),
            f"{own / base:.2f}" if own is not None and base else "-",
        ]

    def _conclusion(self, baseline: TrialRecord) -> str:
        if is_healthy(baseline):
            failing = [", ".join(change.fields) for change in self.changes.changes if change.failed]
            what = escape("; ".join(failing)) or "none of these changes"
            return f"The baseline is healthy. What makes it fail: {what}."
        if not self.changes.mending:
            return "The baseline failed, and no single change made it healthy."
        listed = []
        for record, values in self.changes.mending:
            change = ", ".join(f"{field} {setting(value)}" for field, value in values.items())
            listed.append(f"{change} (trial {record.number})")
        return (
            "The baseline failed. A single change that made it healthy, the best first: "
            f"{escape('; '.join(listed))}."
        )
