"""Loss logs: anybody's CSV, or a trial's own signals, as steps and rows that detectors can judge.

An empty cell was not measured; the words `nan` and `inf` are values that went wrong.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from gansearch.errors import LogError
from gansearch.registry import unknown
from gansearch.signals import COLUMNS, Row

STEP = "step"
READABLE: tuple[str, ...] = (*COLUMNS, "d_loss")
"""Columns that a log may have; `d_loss` is one loss for both kinds of samples, where they are not told apart."""
ACCURACIES = ("d_acc_real", "d_acc_fake")
DELIMITERS = ",;\t"


def parse_map(pairs: Sequence[str]) -> dict[str, str]:
    """Read `ours=theirs`, as `--map` takes it.

    Raises:
        LogError: for a pair without `=`, a name that is none of ours, or one that is mapped twice.
    """
    names: dict[str, str] = {}
    for pair in pairs:
        ours, separator, theirs = (part.strip() for part in pair.partition("="))
        if not (ours and separator and theirs):
            raise LogError(f"a column is mapped as ours=theirs, got {pair!r}")
        if ours not in (STEP, *READABLE):
            raise LogError(unknown("signal", ours, (STEP, *READABLE)))
        if ours in names:
            raise LogError(f"{ours} is mapped twice, to {names[ours]!r} and to {theirs!r}")
        names[ours] = theirs
    return names


def read_log(path: Path, names: Mapping[str, str] | None = None) -> list[tuple[int, Row]]:
    """The steps of a log and what was measured at each; rows without a step column are counted from 1.

    Args:
        path: a CSV file, separated by commas, semicolons or tabs, or a `signals.parquet`.
        names: the log's names for our columns, where they differ.

    Raises:
        LogError: when it cannot be read, has no column that a detector could judge, names none of
            the mapped columns, or has steps that do not rise.
    """
    columns = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    chosen = _chosen(columns, names or {}, path)
    steps = _steps(chosen.pop(STEP, None), path)
    parsed = {
        name: [_number(cell, name, i, path) for i, cell in enumerate(cells)]
        for name, cells in chosen.items()
    }
    _scale_accuracies(parsed, chosen, path)
    count = len(next(iter(parsed.values())))
    if not count:
        raise LogError(f"{path} holds no rows below its header")
    return list(zip(steps or range(1, count + 1), _rows(parsed, count), strict=True))


def _csv(path: Path) -> dict[str, list[str]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline()
        delimiter = max(DELIMITERS, key=header.count)
        with warnings.catch_warnings():
            # Surplus cells would be dropped: 0,5 for one half would become 0.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # As text: pandas would not tell an empty cell from one that says nan.
            frame = pd.read_csv(
                path,
                sep=delimiter,
                dtype=str,
                keep_default_na=False,
                index_col=False,
                skipinitialspace=True,
                encoding="utf-8-sig",
            )
    except pd.errors.ParserWarning:
        raise LogError(
            f"{path} cannot be read as CSV: its rows have more cells than its header has names"
        ) from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise LogError(f"{path} cannot be read as CSV: {error}") from None
    return {str(name).strip(): frame[name].fillna("").tolist() for name in frame}


def _parquet(path: Path) -> dict[str, list[str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise LogError(f"{path} cannot be read as Parquet: {error}") from None
    columns = table.to_pydict()
    return {
        name: ["" if value is None else repr(value) for value in values]
        for name, values in columns.items()
    }


def _chosen(
    columns: Mapping[str, list[str]], names: Mapping[str, str], path: Path
) -> dict[str, list[str]]:
    """The columns that we can read, by our names."""
    for ours, theirs in names.items():
        if theirs not in columns:
            raise LogError(
                f"{path}: {ours} is mapped to a column that is not there: {unknown('one', theirs, columns)}"
            )
    found = {
        name: columns[names.get(name, name)]
        for name in (STEP, *READABLE)
        if names.get(name, name) in columns
    }
    if not found.keys() - {STEP}:
        raise LogError(
            f"{path} has no column that can be judged. It has {', '.join(columns) or 'none'}; readable are "
            f"{', '.join(READABLE)}. Give other names as --map g_loss=theirs"
        )
    return found


def _steps(cells: Sequence[str] | None, path: Path) -> list[int] | None:
    if cells is None:
        return None
    steps: list[int] = []
    for i, cell in enumerate(cells):
        value = _number(cell, STEP, i, path)
        if value is None or not value.is_integer():
            raise LogError(f"{_place(path, i)}: a step must be a whole number, got {cell!r}")
        if steps and value <= steps[-1]:
            raise LogError(
                f"{_place(path, i)}: steps must rise, got {int(value)} after {steps[-1]}"
            )
        steps.append(int(value))
    return steps


def _number(cell: str, name: str, row: int, path: Path) -> float | None:
    """A cell's value, a percentage as the number before its sign; None where it was not measured."""
    text = cell.strip()
    if not text:
        return None
    try:
        return float(text.removesuffix("%"))
    except ValueError:
        raise LogError(f"{_place(path, row)}: {name} must be a number, got {cell!r}") from None


def _scale_accuracies(
    parsed: dict[str, list[float | None]], cells: Mapping[str, list[str]], path: Path
) -> None:
    """Bring accuracies to shares of 1; a log writes both of them in the same way."""
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
    signed = any("%" in cell for name in present for cell in cells[name])
    if signed or (known and max(known) > 1.01):  # rounding alone may pass 1
        for name in present:
            parsed[name] = [None if value is None else value / 100 for value in parsed[name]]


def _rows(parsed: Mapping[str, Sequence[float | None]], count: int) -> Iterator[Row]:
    for i in range(count):
        cells = ((name, column[i]) for name, column in parsed.items())
        yield {name: value for name, value in cells if value is not None}


def _place(path: Path, row: int) -> str:
    return f"{path}, row {row + 1}"
