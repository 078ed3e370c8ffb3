"""Figures of every trained trial: its costs, and the means of its last steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from rich.text import Text

from gansearch.evaluation.latency_names import BATCHES, latency_name
from gansearch.report.formatting import compact, figure
from gansearch.trial_record import TrialRecord


class Quantity(NamedTuple):
    """A figure of a trial, under the name that it is kept by."""

    name: str
    heading: str
    """Heading of its column, on two lines."""
    phrase: str
    """Text with `{}` for the value."""
    written: Callable[[float | None], str] = figure


def _whole(value: float | None) -> str:
    return figure(value, whole=True)


def _kilobytes(value: float | None) -> str:
    if value is None:
        return figure(None)
    return figure(value / 1000, whole=value >= 100_000)


GROUPS: Mapping[str, tuple[Quantity, ...]] = {
    "cost of G": (
        Quantity("generator_trainable", "params\ntrainable", "{} trainable parameters", _whole),
        Quantity("generator_non_trainable", "non-\ntrain.", "{} non-trainable", _whole),
        Quantity("generator_macs", "\nMACs", "{} MACs a sample", compact),
        Quantity("generator_bytes", "\nkB", "{} kB", _kilobytes),
        *(
            Quantity(latency_name(n), f"ms\nfor {n}", f"{{}} ms for a batch of {n}")
            for n in BATCHES
        ),
    ),
    "cost of D": (
        Quantity(
            "discriminator_trainable", "D params\ntrainable", "{} trainable parameters", _whole
        ),
        Quantity("discriminator_non_trainable", "non-\ntrain.", "{} non-trainable", _whole),
        Quantity("discriminator_macs", "D\nMACs", "{} MACs a sample", compact),
    ),
    "samples": (Quantity("blur_ratio", "blur\nratio", "blur ratio {} (1: as sharp as the data)"),),
    "last 100 steps": (
        Quantity("d_loss_real", "D loss\nreal", "D loss {} on real"),
        Quantity("d_loss_fake", "D loss\nfake", "{} on fake"),
        Quantity("d_acc_real", "D acc.\nreal", "D accuracy {} on real"),
        Quantity("d_acc_fake", "D acc.\nfake", "{} on fake"),
        Quantity("g_loss", "\nG loss", "G loss {}"),
    ),
}
"""Figures that every trained trial has, by group."""
QUANTITIES = tuple(quantity for group in GROUPS.values() for quantity in group)


def figure_warnings(records: Iterable[TrialRecord]) -> list[str]:
    """Return the warnings of the extractors that figures of these trials were made with."""
    stamps = (record.stamp.get("extractor", {}) for record in records)
    return list(dict.fromkeys(stamp["warning"] for stamp in stamps if "warning" in stamp))


def warning_lines(records: Iterable[TrialRecord]) -> list[Text]:
    """Return the same as lines that stand under a table."""
    return [Text(f"Warning: {warning}.", style="yellow") for warning in figure_warnings(records)]


def trial_figures(record: TrialRecord) -> dict[str, float]:
    """Return sizes, metrics and last signals; a metric hides a signal of the same name."""
    return record.figures | {
        name: value for name, value in record.signals.items() if name not in record.figures
    }


def phrases(record: TrialRecord) -> dict[str, str]:
    """Return the figures of a trial in words, a line a group."""
    known = trial_figures(record)
    written = {}
    for heading, group in GROUPS.items():
        measured = [quantity for quantity in group if quantity.name in known]
        written[heading] = ", ".join(q.phrase.format(q.written(known[q.name])) for q in measured)
    return written


def trial_row(record: TrialRecord) -> dict[str, Any]:
    """Return a trial as a row for a program."""
    verdict = record.verdict
    return {
        "trial": record.number,
        "state": record.state,
        "verdict": verdict.status if verdict else None,
        "step": verdict.step if verdict else None,
        "steps": record.steps,
        "baseline": record.baseline,
        **trial_figures(record),
        "parameters": dict(record.parameters),
    }
