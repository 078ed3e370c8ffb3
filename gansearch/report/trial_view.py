"""One trial in full: its candidate, its training and its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from gansearch.ranking.certificate import Certificate
from gansearch.report.certificates import certified_line
from gansearch.report.formatting import figure, setting
from gansearch.report.remedies_table import change_line, next_steps
from gansearch.report.trial_counts import VERDICT_STYLES, verdict_name
from gansearch.report.trial_figures import QUANTITIES, figure_warnings, phrases
from gansearch.storage.run_folder import SIGNALS, TrialFolder
from gansearch.trial_record import Attempt, Rescue, TrialRecord


def trial_json(
    record: TrialRecord, files: TrialFolder, certificate: Certificate | None = None
) -> dict[str, Any]:
    """Return everything that is kept of a trial; files by their paths within its folder."""
    known: dict[str, Any] = {"trial": record.number}
    kept: dict[str, Any] = {
        "folder": str(files.path),
        "signals": SIGNALS if (files.path / SIGNALS).is_file() else None,
    }
    kept |= {"samples": [path.relative_to(files.path).as_posix() for path in files.sample_grids()]}
    known |= {"certified": certificate.to_json() if certificate else None}
    shown = {field.name: getattr(record, field.name) for field in fields(record)} | {
        "verdict": record.verdict.to_json() if record.verdict else None,
        "remedies": [remedy.to_json() for remedy in record.remedies],
        "rungs": [(rung.step, dict(rung.metrics)) for rung in record.rungs],
        "rescue": record.rescue.to_json() if record.rescue else None,
    }
    del shown["number"]
    return known | shown | {"files": kept}


def trial_view(
    record: TrialRecord, files: TrialFolder, certificate: Certificate | None = None
) -> RenderableType:
    """Return the same as a table for a terminal."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    certified = {"certified": "" if certificate is None else certified_line(certificate)}
    for heading, text in (certified | _sections(record, files)).items():
        if text:
            table.add_row(heading, escape(text))
    advice = (Text(), next_steps(record.remedies)) if record.remedies else ()
    return Group(_headline(record), Text(), table, *advice)


def _headline(record: TrialRecord) -> Text:
    line = Text(f"trial {record.number}", style="bold")
    line.append(f"  {record.state}", style="not bold")
    if record.verdict is not None:
        verdict = verdict_name(record)
        line.append(f"  {verdict}", style=VERDICT_STYLES[verdict])
        line.append(
            f" at step {record.verdict.step}" if record.verdict.step is not None else "",
            style="not bold",
        )
    if record.baseline:
        line.append("  (the baseline)", style="not bold")
    return line


def _sections(record: TrialRecord, files: TrialFolder) -> dict[str, str]:
    rate = f", {record.steps / record.seconds:.0f} steps/s" if record.seconds else ""
    sections = {
        "why": record.reason,
        "rescue": _rescue_section(record.rescue, files) if record.rescue else "",
        "evidence": _listed(record.verdict.evidence if record.verdict else {}),
        "searched": _listed(record.parameters),
        **{role: _listed(fields) for role, fields in record.candidate.items()},
        **phrases(record),
        "other sizes": ", ".join(
            f"{n}: {figure(size, whole=True)}" for n, size in _without_phrase(record.sizes).items()
        ),
        "metrics": _listed(_without_phrase(record.metrics)),
        "other signals": _listed(_without_phrase(record.signals)),
        "training": f"{record.steps:,} steps in {record.seconds:.0f} s{rate}"
        if record.steps
        else "",
        "warning": "\n".join(figure_warnings([record])),
        "stamp": _listed(record.stamp),
        "identity": record.identity,
    }
    grids = files.sample_grids()
    return sections | {
        "pictures": f"{len(grids)} of its samples, the last {grids[-1]}" if grids else ""
    }


def _rescue_section(rescue: Rescue, files: TrialFolder) -> str:
    """Return the outcomes of the two runs of a trial with a rescue."""
    remedy, other = rescue.remedy, files.path.parent if rescue.succeeded else files.rescue.path
    second = _attempt(rescue.second) + (f" ({rescue.reason})" if rescue.reason else "")
    return (
        f"{'it came out healthy' if rescue.succeeded else 'it failed again'} with: {remedy.title}\n"
        f"because {remedy.because} ({remedy.source})\n"
        f"set {change_line(remedy)}\n"
        f"first run: {_attempt(rescue.first)}\nsecond run: {second}\n"
        f"the {'first' if rescue.succeeded else 'second'} run's files: {other}"
    )


def _attempt(attempt: Attempt) -> str:
    verdict = attempt.verdict
    ending = "crashed" if verdict is None else verdict.status
    since = f" at step {verdict.step}" if verdict is not None and verdict.step is not None else ""
    return f"{ending}{since}, {attempt.steps:,} steps in {attempt.seconds:.0f} s"


def _without_phrase(figures: Mapping[str, float]) -> dict[str, float]:
    """Return the figures without a phrase: those that only this study has."""
    return {
        name: value
        for name, value in figures.items()
        if name not in {quantity.name for quantity in QUANTITIES}
    }


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {_value(value)}" for name, value in values.items())


def _value(value: Any) -> str:
    return f"({_listed(value)})" if isinstance(value, Mapping) else setting(value)
