"""Logs of any training, or a trial's own signals, as steps and rows that detectors can judge.

An empty cell was not measured; the words `nan` and `inf` are measured values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gansearch.diagnosis.loss_log.cells import number
from gansearch.diagnosis.loss_log.json_lines import read_json
from gansearch.diagnosis.loss_log.names import (
    READABLE,
    STEP,
    candidates,
    missing_column,
    plain,
    proposals,
)
from gansearch.diagnosis.loss_log.parquet import is_parquet, read_parquet
from gansearch.diagnosis.loss_log.printed import read_printed
from gansearch.diagnosis.loss_log.raw import RawColumns
from gansearch.diagnosis.loss_log.source import decode, read_bytes
from gansearch.diagnosis.loss_log.steps import with_steps
from gansearch.diagnosis.loss_log.tables import (
    find_header,
    first_line,
    read_table,
)
from gansearch.diagnosis.loss_log.tensorboard import as_curve, is_event_file, read_events
from gansearch.errors import LogError
from gansearch.signals import Row

ACCURACIES = ("d_acc_real", "d_acc_fake", "d_acc")
MAX_JUDGED = 50_000
"""Most rows that are judged; of a longer log evenly spaced ones."""


@dataclass
class LossLog:
    """Steps and signals of a log, and how they were read."""

    rows: list[tuple[int, Row]]
    sources: list[dict[str, Any]] = field(default_factory=list)
    """For each file its format, encoding, columns by signal, number of rows and notes."""


def read_log(path: Path, names: Mapping[str, str] | None = None) -> list[tuple[int, Row]]:
    """Return the steps of a log and the signals of each; see `read_logs`."""
    return read_logs([path], names).rows


def read_logs(paths: Sequence[Path], names: Mapping[str, str] | None = None) -> LossLog:
    """Read one log, or the files of several curves as one; rows without a counter count from 1.

    Args:
        paths: tables, JSON, printed lines, TensorBoard's files or a `signals.parquet`, compressed
            or not; `-` is stdin.
        names: the log's names for our columns, where they differ.

    Raises:
        LogError: when one cannot be read, has no column that a detector could judge, or lacks a
            mapped column.
    """
    # Find the columns, and check that every mapped one is there
    names = names or {}
    found = [(path, *_columns(path, names)) for path in paths]
    columns = list(dict.fromkeys(name for _, raw, _ in found for name in raw.names))
    for ours, theirs in names.items():
        if theirs not in columns:
            files = ", ".join(map(str, paths))
            raise LogError(f"{files}: {missing_column(ours, theirs, columns)}")

    # Join several files by their steps
    logs = [_log(raw, path, names, notes) for path, raw, notes in found]
    if len(logs) == 1:
        rows = logs[0].rows
    else:
        by_step: dict[int, dict[str, float]] = {}
        for log in logs:
            for step, row in log.rows:
                by_step.setdefault(step, {}).update(row)
        rows = [(step, by_step[step]) for step in sorted(by_step)]
    sources = [source for log in logs for source in log.sources]

    # Thin out a log that is too long
    if len(rows) > MAX_JUDGED:
        every = math.ceil(len(rows) / MAX_JUDGED)
        sources[0]["notes"].append(f"{len(rows):,} rows, of which every {every}th is judged")
        rows = [*rows[:-1:every], rows[-1]]
    return LossLog(rows, sources)


def _columns(path: Path, names: Mapping[str, str]) -> tuple[RawColumns, list[str]]:
    """Return the columns of a file, whose format its content shows, and notes on its reading."""
    if path.is_dir():
        return read_events(path, names), []
    raw, notes = read_bytes(path)
    if is_parquet(raw):
        return read_parquet(raw, path), notes
    if is_event_file(path, raw):
        return read_events(path, names), notes
    text, encoding = decode(raw, path)
    if encoding not in ("utf-8", "utf-8-sig"):
        notes.append(f"encoding {encoding}")
    if not text.strip():
        raise LogError(f"{path} is empty")
    columns = read_json(text, path, names)
    if columns is None and (header := find_header(text, names)) is not None:
        columns = read_table(text, header, path, names)
    if columns is None:
        columns = read_printed(text, path, names)
    if columns is None:
        columns = read_table(text, first_line(text, path), path, names)
    return as_curve(columns, path), notes


def _log(raw: RawColumns, path: Path, names: Mapping[str, str], notes: Sequence[str]) -> LossLog:
    """Convert columns to signals and cells to numbers, and give each row its step."""
    # Choose a column for each signal
    present = {ours: theirs for ours, theirs in names.items() if theirs in raw.cells}
    possible = candidates(raw.cells, present)
    counters = {name: raw.cells[name] for name in possible.pop(STEP, [])}
    if raw.step is not None and STEP not in present:
        counters = {raw.step: raw.cells[raw.step]}
    if not possible:
        raise LogError(_nothing_to_judge(raw, path))
    if not raw.rows:
        raise LogError(f"{path} holds no rows below its header")
    chosen = {signal: _fullest(raw, columns) for signal, columns in possible.items()}
    others = {s: columns[1:] for s, columns in possible.items() if columns[1:]}

    # Read the numbers and the steps
    notes = [*notes, *raw.notes]
    parsed = {
        signal: _numbers(raw, column, signal, path, notes) for signal, column in chosen.items()
    }
    _scale_accuracies(parsed, {s: raw.cells[c] for s, c in chosen.items()}, path)
    rows: list[Row] = [
        {signal: value for signal, value in zip(parsed, values, strict=True) if value is not None}
        for values in zip(*parsed.values(), strict=True)
    ]
    steps = with_steps(rows, counters, raw.decimal_comma)
    notes += steps.notes
    notes += [f"{', '.join(columns[:5])} left out for {chosen[s]}" for s, columns in others.items()]
    source = {
        "file": str(path),
        "format": raw.format,
        "rows": raw.rows,
        "columns": {STEP: steps.column} | chosen,
        "notes": notes,
    }
    return LossLog(steps.rows, [source])


def _fullest(raw: RawColumns, columns: Sequence[str]) -> str:
    """Return the first of several columns that has at least half as many cells as any other."""
    if len(columns) == 1:
        return columns[0]
    filled = {c: sum(cell not in (None, "") for cell in raw.cells[c]) for c in columns}
    most = max(filled.values())
    return next(column for column in columns if 2 * filled[column] >= most)


def _numbers(
    raw: RawColumns, column: str, signal: str, path: Path, notes: list[str]
) -> list[float | None]:
    """Return the numbers of a column; notes are added on cells that are read in a special way."""
    cells = raw.cells[column]
    values: list[float | None] = []
    wrapped = 0
    for i, cell in enumerate(cells):
        try:
            values.append(number(cell, raw.decimal_comma))
        except ValueError:
            if i == len(cells) - 1 and i:
                notes.append(f"the last row is cut off: {column} is {cell!r}")
                values.append(None)
                continue
            raise LogError(
                f"{path}, row {i + 1}: {signal} must be a number, got {str(cell)[:80]!r}"
            ) from None
        wrapped += isinstance(cell, str) and cell.startswith(("[", "(", "t"))
    if wrapped:
        notes.append(f"{column}: the first number of each of {wrapped} cells is taken")
    return _sparse_nan(values, column, notes)


def _sparse_nan(values: list[float | None], column: str, notes: list[str]) -> list[float | None]:
    """Replace `nan` by None, "not measured", where numbers follow it several times."""
    wrong = [value is not None and math.isnan(value) for value in values]
    runs = sum(after and not before for before, after in zip([False, *wrong], wrong, strict=False))
    last = next((v for v in reversed(values) if v is not None), math.nan)
    finite = sum(v is not None and math.isfinite(v) for v in values)
    if runs < 3 or finite < 3 or (math.isnan(last) and runs < 0.2 * len(values)):
        return values
    notes.append(
        f"{column}: nan stands for what was not measured, as numbers follow it {runs} times"
    )
    return [None if bad else value for bad, value in zip(wrong, values, strict=True)]


def _scale_accuracies(
    parsed: dict[str, list[float | None]], cells: Mapping[str, Sequence[object]], path: Path
) -> None:
    """Convert accuracies in percent to shares of 1; all columns of a log have one unit."""
    present = [name for name in ACCURACIES if name in parsed]
    known = [
        value
        for name in present
        for value in parsed[name]
        if value is not None and math.isfinite(value)
    ]
    if known and not 0 <= min(known) <= max(known) <= 100:
        raise LogError(
            f"{path}: accuracies must lie in 0..1 or 0..100 %, got {min(known):g} to {max(known):g}"
        )
    signed = any("%" in str(cell) for name in present for cell in cells[name])
    if signed or (known and max(known) > 1.01):  # rounding alone may pass 1
        for name in present:
            parsed[name] = [None if value is None else value / 100 for value in parsed[name]]


def _nothing_to_judge(raw: RawColumns, path: Path) -> str:
    """Return the message for a log without signals, with the `--map` options that may mend it."""
    shown = ", ".join(name[:60] for name in raw.names[:20]) + (", ..." if raw.names[20:] else "")
    if len(raw.cells) == 2 and raw.step is not None:
        curve = next(name for name in raw.cells if name != raw.step)
        network = "g" if plain(curve).endswith("g") else "d"
        how = f"Name this curve, as with --map {network}_loss={curve}"
    elif proposed := proposals(raw.names):
        how = f"Perhaps: {proposed}"
    else:
        how = "Give other names as --map g_loss=theirs"
    return (
        f"{path} has no column that can be judged. It has {shown or 'none'}; readable are "
        f"{', '.join(READABLE)}. {how}"
    )
