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
from gansearch.report.calibration_view import calibration_view
from gansearch.report.certificates_table import certified_line
from gansearch.report.formatting import figure, setting
from gansearch.report.remedies_table import change_line, next_steps
from gansearch.report.trial_counts import VERDICT_STYLES, verdict_name
from gansearch.report.trial_figures import QUANTITIES, figure_warnings, phrases, student_of
from gansearch.run_context import Calibration
from gansearch.storage.trial_folder import SIGNALS, TrialFolder
from gansearch.trial_record import Attempt, Rescue, TrialRecord


def trial_json(
    record: TrialRecord, files: TrialFolder, certificate: Certificate | None = None
) -> dict[str, Any]:
    """Return everything that is kept of a trial; files by their paths within its folder."""
    kept = {field.name: getattr(record, field.name) for field in fields(record)}
    del kept["number"]
    return {
        "trial": record.number,
        "certified": certificate.to_json() if certificate else None,
        **kept,
        "verdict": record.verdict.to_json() if record.verdict else None,
        "remedies": [remedy.to_json() for remedy in record.remedies],
        "rungs": [(rung.step, dict(rung.metrics)) for rung in record.rungs],
        "rescue": record.rescue.to_json() if record.rescue else None,
        "files": {
            "folder": str(files.path),
            "signals": SIGNALS if (files.path / SIGNALS).is_file() else None,
            "samples": [path.relative_to(files.path).as_posix() for path in files.sample_grids()],
        },
    }


def trial_view(
    record: TrialRecord, files: TrialFolder, certificate: Certificate | None = None
) -> RenderableType:
    """Return the same for a terminal: a headline, a table, and the remedies."""
    headline = Text(f"trial {record.number}", style="bold")
    headline.append(f"  {record.state}", style="not bold")
    if record.verdict is not None:
        verdict = verdict_name(record)
        headline.append(f"  {verdict}", style=VERDICT_STYLES[verdict])
        if record.verdict.step is not None:
            headline.append(f" at step {record.verdict.step}", style="not bold")
    if record.baseline:
        headline.append("  (the baseline)", style="not bold")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for heading, text in _sections(record, files, certificate).items():
        if text:
            table.add_row(heading, escape(text))
    more: list[RenderableType] = []
    if record.remedies:
        more += [Text(), next_steps(record.remedies)]
    if calibration := record.stamp.get("calibration"):
        more += [Text(), calibration_view(Calibration.model_validate(calibration))]
    return Group(headline, Text(), table, *more)


def _sections(
    record: TrialRecord, files: TrialFolder, certificate: Certificate | None
) -> dict[str, str]:
    """Return the rows of the table by their headings; one without anything to show is empty."""
    training, pictures = "", ""
    if record.steps:
        training = f"{record.steps:,} steps in {record.seconds:.0f} s"
    if record.steps and record.seconds:
        training += f", {record.steps / record.seconds:.0f} steps/s"
    if record.kept_step is not None:
        training += f"; kept is the generator of step {record.kept_step:,}, the best look"
    if grids := files.sample_grids():
        pictures = f"{len(grids)} of its samples, the last {grids[-1]}"
    other_sizes = _without_phrase(record.sizes)
    return {
        "certified": certified_line(certificate) if certificate else "",
        "why": record.reason,
        "rescue": _rescue_section(record.rescue, files) if record.rescue else "",
        "evidence": _listed(record.verdict.evidence if record.verdict else {}),
        "searched": _listed(record.parameters),
        **{role: _listed(fields) for role, fields in record.candidate.items()},
        **({"teacher": student} if (student := student_of(record)) else {}),
        **phrases(record),
        "other sizes": ", ".join(f"{n}: {figure(v, whole=True)}" for n, v in other_sizes.items()),
        "metrics": _listed(_without_phrase(record.metrics)),
        "other signals": _listed(_without_phrase(record.signals)),
        "training": training,
        "warning": "\n".join(figure_warnings([record])),
        "stamp": _listed(
            {k: v for k, v in record.stamp.items() if k not in ("calibration", "teacher")}
        ),
        "identity": record.identity,
        "pictures": pictures,
    }


def _rescue_section(rescue: Rescue, files: TrialFolder) -> str:
    """Return the outcomes of the two runs of a trial with a rescue."""
    remedy = rescue.remedy
    result, other, folder = "it failed again", "second", files.rescue.path
    if rescue.succeeded:
        result, other, folder = "it came out healthy", "first", files.path.parent
    reason = f" ({rescue.reason})" if rescue.reason else ""
    return (
        f"{result} with: {remedy.title}\n"
        f"because {remedy.because} ({remedy.source})\n"
        f"set {change_line(remedy)}\n"
        f"first run: {_attempt(rescue.first)}\n"
        f"second run: {_attempt(rescue.second)}{reason}\n"
        f"the {other} run's files: {folder}"
    )


def _attempt(attempt: Attempt) -> str:
    ending: str = "crashed"
    if attempt.verdict is not None:
        ending = attempt.verdict.status
        if attempt.verdict.step is not None:
            ending += f" at step {attempt.verdict.step}"
    return f"{ending}, {attempt.steps:,} steps in {attempt.seconds:.0f} s"


def _without_phrase(figures: Mapping[str, float]) -> dict[str, float]:
    """Return the figures without a phrase: those that only this study has."""
    with_phrase = {quantity.name for quantity in QUANTITIES}
    return {name: value for name, value in figures.items() if name not in with_phrase}


def _listed(values: Mapping[str, Any]) -> str:
    """Return values as `name: value, ...`, nested ones in parentheses."""
    parts = []
    for name, value in values.items():
        text = f"({_listed(value)})" if isinstance(value, Mapping) else setting(value)
        parts.append(f"{name}: {text}")
    return ", ".join(parts)
