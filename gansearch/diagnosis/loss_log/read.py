"""Anybody's log, or a trial's own signals, as steps and rows that detectors can judge.

An empty cell was not measured; the words `nan` and `inf` are values that went wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
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
    holds_numbers,
    read_table,
)
from gansearch.diagnosis.loss_log.tensorboard import as_curve, is_event_file, read_events
from gansearch.errors import LogError
from gansearch.signals import Row

ACCURACIES = ("d_acc_real", "d_acc_fake", "d_acc")
MAX_JUDGED = 50_000
"""Rows that are judged; of a longer log evenly spaced ones."""


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
    names = names or {}
    found = [(path, *_columns(path, names)) for path in paths]
    _check_mapping([(path, raw) for path, raw, _ in found], names)
    logs = [_log(raw, path, names, how) for path, raw, how in found]
    joined = logs[0] if len(logs) == 1 else _joined(logs)
    if len(joined.rows) > MAX_JUDGED:
        every = math.ceil(len(joined.rows) / MAX_JUDGED)
        joined.sources[0]["notes"].append(
            f"{len(joined.rows):,} rows, of which every {every}th is judged"
        )
        joined.rows = [*joined.rows[:-1:every], joined.rows[-1]]
    return joined


def _columns(path: Path, names: Mapping[str, str]) -> tuple[RawColumns, list[str]]:
    """Return the columns of a file by its content, and notes on how it was opened."""
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
    return as_curve(_text_columns(text, path, names), path), notes


def _text_columns(text: str, path: Path, names: Mapping[str, str]) -> RawColumns:
    if (raw := read_json(text, path, names)) is not None:
        return raw
    if (header := find_header(text, names)) is not None:
        return read_table(text, header, path, names)
    if (raw := read_printed(text, path, names)) is not None:
        return raw
    header = first_line(text)
    if holds_numbers(header):
        raise LogError(
            f"{path} has no header: its first line holds numbers, not names of columns. "
            "Write their names above them, such as d_loss,g_loss"
        )
    return read_table(text, header, path, names)


def _check_mapping(found: Sequence[tuple[Path, RawColumns]], names: Mapping[str, str]) -> None:
    columns = list(dict.fromkeys(name for _, raw in found for name in raw.names))
    for ours, theirs in names.items():
        if theirs not in columns:
            path = ", ".join(str(path) for path, _ in found)
            raise LogError(f"{path}: {missing_column(ours, theirs, columns)}")


def _log(raw: RawColumns, path: Path, names: Mapping[str, str], notes: Sequence[str]) -> LossLog:
    """Take columns for signals, and cells for numbers."""
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
    told = [*notes, *raw.notes]
    parsed = {
        signal: _numbers(raw, column, signal, path, told) for signal, column in chosen.items()
    }
    _scale_accuracies(parsed, {s: raw.cells[c] for s, c in chosen.items()}, path)
    rows: list[Row] = [
        {signal: value for signal, value in zip(parsed, values, strict=True) if value is not None}
        for values in zip(*parsed.values(), strict=True)
    ]
    steps = with_steps(rows, counters, raw.decimal_comma)
    told += steps.notes
    others = {s: columns[1:] for s, columns in possible.items() if columns[1:]}
    told += [f"{', '.join(columns[:5])} left out for {chosen[s]}" for s, columns in others.items()]
    source = {
        "file": str(path),
        "format": raw.format,
        "rows": raw.rows,
        "columns": {STEP: steps.column} | chosen,
        "notes": told,
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
    """Take `nan` for "not measured" where numbers follow it again and again."""
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
    """Bring accuracies to shares of 1; a log writes all of them in the same way."""
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


def _joined(logs: Iterable[LossLog]) -> LossLog:
    """Join several files by their steps."""
    logs = list(logs)
    rows: dict[int, dict[str, float]] = {}
    for log in logs:
        for step, row in log.rows:
            rows.setdefault(step, {}).update(row)
    return LossLog(sorted(rows.items()), [source for log in logs for source in log.sources])


def _nothing_to_judge(raw: RawColumns, path: Path) -> str:
    shown = ", ".join(name[:60] for name in raw.names[:20]) + (", ..." if raw.names[20:] else "")
    proposed = proposals(raw.names)
    how = f"Perhaps: {proposed}" if proposed else "Give other names as --map g_loss=theirs"
    if len(raw.cells) == 2 and raw.step is not None:
        how = f"Name this curve, as with --map {_curve_option(raw)}"
    return (
        f"{path} has no column that can be judged. It has {shown or 'none'}; readable are "
        f"{', '.join(READABLE)}. {how}"
    )


def _curve_option(raw: RawColumns) -> str:
    curve = next(name for name in raw.cells if name != raw.step)
    return f"{'g' if plain(curve).endswith('g') else 'd'}_loss={curve}"
