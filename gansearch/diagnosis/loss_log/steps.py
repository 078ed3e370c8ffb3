"""Steps of a log: which counter stands for them, and rows that share, repeat or lack one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from gansearch.diagnosis.loss_log.cells import number
from gansearch.signals import Row

RESTARTS = 3
"""Falls of a counter up to which they are restarts of a training, and not batches of an epoch."""


class Steps(NamedTuple):
    """Rows with their steps, and how these were found."""

    rows: list[tuple[int, Row]]
    column: str | None
    """The counter; None where rows are counted."""
    notes: list[str]


def with_steps(rows: Sequence[Row], counters: dict[str, list[object]], comma: bool) -> Steps:
    """Give each row its step, by the first of several counters that serves.

    Rows of one step that tell different things are merged; rows before a restart that later ones
    repeat are replaced by these; where no counter serves, rows are counted from 1.
    """
    notes = []
    for name, cells in counters.items():
        values = _values(cells, comma)
        if values is None:
            notes.append(f"{name} is no counter: it holds something else than numbers")
            continue
        numbered, told = _numbered(rows, values, name)
        if numbered is not None:
            return Steps(numbered, name, [*notes, *told])
        notes += told
    counted = [(i, row) for i, row in enumerate(rows, start=1)]
    return Steps(counted, None, [*notes, "no step column: rows counted from 1"])


def _values(cells: Sequence[object], comma: bool) -> list[float | None] | None:
    try:
        values = [number(cell, comma) for cell in cells]
    except ValueError:
        return None
    return values if any(v is not None and math.isfinite(v) for v in values) else None


def _numbered(
    rows: Sequence[Row], values: Sequence[float | None], name: str
) -> tuple[list[tuple[int, Row]] | None, list[str]]:
    known = [v for v in values if v is not None and math.isfinite(v)]
    if max(map(abs, known)) > 2**53 or _is_fine(known):
        return None, [f"{name} has steps that are no whole numbers apart"]
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
    if conflicts > 0.1 * len(rows):
        return None, [f"several rows have one {name}, so rows are counted (leave step={name} out)"]
    if falls > RESTARTS and len(result) < 0.5 * len(rows):
        return None, [f"{name} begins again {falls} times, so rows are counted"]
    notes = [f"{merged} rows merged into others of the same {name}"] if merged else []
    if falls:
        notes.append(
            f"the training went on from an earlier {name} {falls} times (last: {highest} to "
            f"{_after(values, highest)}): {replaced} earlier rows replaced by later ones"
        )
    return result, notes


def _is_fine(known: Sequence[float]) -> bool:
    """Return whether steps are fractions that rounding would make one."""
    if all(value.is_integer() for value in known):
        return False
    return len({round(value) for value in known}) < 0.9 * len({*known})


def _after(values: Sequence[float | None], highest: int) -> int:
    known = [round(v) for v in values if v is not None and math.isfinite(v)]
    return next((b for a, b in pairwise(known) if a == highest > b), known[-1])
