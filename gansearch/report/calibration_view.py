"""Calibration of a data set for a terminal: real samples beside generators that must fail."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from gansearch.report.formatting import figure, percent
from gansearch.run_context import Calibration

TRIVIAL_NAMES = {
    "one": "one, with noise",
    "five": "five, with noise",
    "ten": "ten, with noise",
    "mean": "their mean",
    "noise": "noise",
}
"""Names of the trivial generators in the table."""


def calibration_view(calibration: Calibration) -> Group:
    """Return a row for real training samples, one for each trivial generator, and notes."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("training samples", no_wrap=True)
    for heading in ("coverage", "near pairs", "on 8x8", "pair distance", "levels", "MMD"):
        table.add_column(heading, justify="right", no_wrap=True)
    rows = {"real": calibration.real, **calibration.trivial}
    for name, figures in rows.items():
        table.add_row(
            TRIVIAL_NAMES.get(name, name),
            percent(figures.coverage),
            percent(figures.duplicates),
            percent(figures.coarse_duplicates),
            figure(figures.spread),
            figure(figures.levels),
            figure(figures.mmd),
        )

    features = f"features of {calibration.extractor}"
    if calibration.detectors_extractor != calibration.extractor:
        features += f" for the MMD, of {calibration.detectors_extractor} for coverage"
    limits = f"off-target: coverage below {percent(calibration.coverage_limit)}"
    if calibration.near is not None:
        limits += f"; a pair is near within {figure(calibration.near)} of 255 levels"
    chance = f"by chance, real samples differ by an MMD of {figure(calibration.real_mmd_std)}"
    spreads = [
        f"{name} by {percent(calibration.smallest_tolerance(name))}"
        for name in calibration.relative_spread
    ]
    if spreads:
        chance += f", two draws of one generator in {', in '.join(spreads)}"
    notes = (
        f"held against {calibration.samples:,} samples ({calibration.reference}), by {features}",
        limits,
        chance,
    )
    return Group(table, *(Text(note, style="dim") for note in notes))
