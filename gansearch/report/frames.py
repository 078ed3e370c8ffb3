"""Trials, front and signals of a run as pandas data frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from gansearch.ranking.pareto import Front
from gansearch.ranking.study_summary import RunSummary, StudySummary
from gansearch.report.trial_figures import figure_warnings, trial_figures
from gansearch.storage.run_folder import RunFolder
from gansearch.trial_record import TrialRecord


def trials_frame(run: RunSummary) -> pd.DataFrame:
    """Return all trials, a row each: state, verdict, figures, cost and settings."""
    on_front = {record.number for record in run.front.trials}
    certificates = run.summary.certificates
    rows = []
    for record in run.records:
        verdict, certificate = record.verdict, certificates.get(record.number)
        row: dict[str, Any] = {
            "trial": record.number,
            "state": record.state,
            "verdict": verdict.status if verdict else None,
            "verdict_step": verdict.step if verdict else None,
            "reason": record.reason or (verdict.evidence.get("rule") if verdict else None),
            "baseline": record.baseline,
            "on_front": record.number in on_front,
            "certified": certificate.status if certificate else None,
            "share_of_baseline": run.summary.share_of_baseline(record),
            **trial_figures(record),
            "steps": record.steps,
            "seconds": record.seconds,
            "identity": record.identity,
            **record.settings,
        }
        rows.append(row)
    return pd.DataFrame(rows).astype({"verdict_step": "Int64"}) if rows else pd.DataFrame()


def front_frame(front: Front, summary: StudySummary) -> pd.DataFrame:
    """Return the front, a row a trial: figures, certificate, last signals, settings."""
    known = summary.certificates
    rows = [
        {
            "trial": record.number,
            **{axis.metric: axis.value(record) for axis in front.objectives},
            "share_of_baseline": summary.share_of_baseline(record),
            "certified": known[record.number].status if record.number in known else None,
            **trial_figures(record),
            **record.settings,
            "warning": "; ".join(figure_warnings([record])) or None,
        }
        for record in front.trials
    ]
    return pd.DataFrame(rows)


def signals_frame(folder: RunFolder, records: Iterable[TrialRecord]) -> pd.DataFrame:
    """Return the signals of trials, a row a step of a trial; empty where none are kept."""
    parts = []
    for record in records:
        signals = folder.trial(record.number).figured(record).signals()
        if signals is not None:
            signals.insert(0, "trial", record.number)
            parts.append(signals)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
