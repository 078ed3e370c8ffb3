"""Steps of a log: the counter that gives them, and rows that share, repeat or lack a step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from gansearch.diagnosis.loss_log.cells import number
from gansearch.signals import Row

RESTARTS = 3
"""Most falls of a counter that are restarts of a training; more are batches of its epochs."""


class Steps(NamedTuple):
    """Rows with their steps, and how these were found."""

    rows: list[tuple[int, Row]]
    column: str | None
    """The counter; None where rows are counted."""
    notes: list[str]


def with_steps(rows: Sequence[Row], counters: dict[str, list[object]], comma: bool) -> Steps:
    """Give each row its step, by the first of several counters that is usable.

    Rows of one step with different signals are merged. Rows before a restart are replaced by later
    rows of the same steps. Where no counter is usable, rows are counted from 1.
    """
    notes = []
    for name, cells in counters.items():
        try:
            values = [number(cell, comma) for cell in cells]
        except ValueError:
            values = []
        if not any(value is not None and math.isfinite(value) for value in values):
            notes.append(f"{name} is no counter: it holds something else than numbers")
            continue
        numbered, reasons = _numbered(rows, values, name)
        if numbered is not None:
            return Steps(numbered, name, [*notes, *reasons])
        notes += reasons
    counted = [(i, row) for i, row in enumerate(rows, start=1)]
    return Steps(counted, None, [*notes, "no step column: rows counted from 1"])


def _numbered(
    rows: Sequence[Row], values: Sequence[float | None], name: str
) -> tuple[list[tuple[int, Row]] | None, list[str]]:
    """Return rows with their steps by a counter, None where it is not usable, and notes on it."""
    # Refuse a counter whose steps rounding would make one
    known = [value for value in values if value is not None and math.isfinite(value)]
    whole = [round(value) for value in known]
    fractions = not all(value.is_integer() for value in known)
    if max(map(abs, known)) > 2**53 or (fractions and len({*whole}) < 0.9 * len({*known})):
        return None, [f"{name} has steps that are no whole numbers apart"]

    # Merge rows of one step, and replace those before a restart
    result: list[tuple[int, Row]] = []
    merged = conflicts = replaced = falls = 0
    highest = 0
    for value, row in zip(values, rows, strict=True):
        last = result[-1][0] if result else 0
        step = last if value is None or not math.isfinite(value) else round(value)
        if result and step == last:
            before = result[-1][1]
            conflicts += any(before[key] != row[key] for key in before.keys() & row.keys())
            merged += 1
            result[-1] = (step, {**before, **row})
            continue
        if result and step < last:
            falls, highest = falls + 1, last
            while result and result[-1][0] >= step:
                result.pop()
                replaced += 1
        result.append((step, row))

    # Refuse a counter of batches within an epoch
    if conflicts > 0.1 * len(rows):
        return None, [f"several rows have one {name}, so rows are counted (leave step={name} out)"]
    if falls > RESTARTS and len(result) < 0.5 * len(rows):
        return None, [f"{name} begins again {falls} times, so rows are counted"]
    notes = [f"{merged} rows merged into others of the same {name}"] if merged else []
    if falls:
        lower = next(
            (after for step, after in pairwise(whole) if step == highest > after), whole[-1]
        )
        notes.append(
            f"the training went on from an earlier {name} {falls} times (last: {highest} to "
            f"{lower}): {replaced} earlier rows replaced by later ones"
        )
    return result, notes
