"""Columns of a log as they were found, before they become signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gansearch.diagnosis.loss_log.names import is_counter_or_signal, plain, signal_of
from gansearch.errors import LogError

MAX_ROWS = 1_000_000
MAX_COLUMNS = 200
"""Columns of one log that may stand for some signal."""
MAX_CELLS = 10_000_000
"""Cells of a log; as many take 0.8 GB."""
TAGS = ("tag", "metric", "key", "name", "variable", "scalar")


@dataclass
class RawColumns:
    """Cells by column, None or blank where there are none, and how they were read."""

    format: str
    names: list[str]
    """All columns of the log, also those that were not kept."""
    cells: dict[str, list[object]]
    notes: list[str] = field(default_factory=list)
    decimal_comma: bool = False
    step: str | None = None
    """Column that the format itself calls the step."""

    @property
    def rows(self) -> int:
        return max((len(column) for column in self.cells.values()), default=0)


def is_wanted(name: str, mapped: Iterable[str]) -> bool:
    """Return True if a column may be of use: mapped, the name of a signal, or a counter."""
    return name in mapped or is_counter_or_signal(name)


class ColumnCollector:
    """Columns from rows that name their cells, as JSON and printed lines do."""

    def __init__(self, path: Path, mapping: Mapping[str, str]) -> None:
        self._path = path
        self._mapped = {*mapping.values()}
        self._wanted: dict[str, bool] = {}
        self.cells: dict[str, list[object]] = {}
        self.rows = 0

    @property
    def names(self) -> list[str]:
        return list(self._wanted)

    def add(self, row: Mapping[str, object]) -> None:
        """Add the next row; columns that it lacks stay blank."""
        for name, value in row.items():
            if name not in self._wanted:
                self._wanted[name] = (
                    is_wanted(name, self._mapped) or plain(name) in (*TAGS, "value")
                ) and len(self.cells) < MAX_COLUMNS
            if self._wanted[name]:
                column = self.cells.setdefault(name, [])
                column.extend([None] * (self.rows - len(column)))
                column.append(value)
        self.rows += 1
        check_rows(self.rows, self._path, len(self.cells))

    def columns(self, kind: str, notes: Sequence[str] = ()) -> RawColumns:
        """Return all columns, filled up to the same length."""
        for column in self.cells.values():
            column.extend([None] * (self.rows - len(column)))
        return pivoted(RawColumns(kind, self.names, self.cells, list(notes)))


def check_rows(rows: int, path: Path, columns: int = 1) -> None:
    """Refuse a log of more rows than can be held.

    Raises:
        LogError: for more than `MAX_ROWS`, or more than `MAX_CELLS` in rows and columns.
    """
    if rows * columns > MAX_CELLS:
        raise LogError(
            f"{path} has more than {MAX_CELLS:,} values in {columns} columns; keep every tenth row"
        )
    if rows > MAX_ROWS:
        raise LogError(f"{path} has more than {MAX_ROWS:,} rows; keep every tenth of them")


def pivoted(raw: RawColumns) -> RawColumns:
    """Turn rows of (tag, value) into a column for each tag; other columns stay as they are."""
    by_name = {plain(name): name for name in raw.cells}
    tag = next((by_name[name] for name in TAGS if name in by_name), None)
    if tag is None or "value" not in by_name or any(signal_of(name) for name in raw.cells):
        return raw
    tags, values = raw.cells[tag], raw.cells[by_name["value"]]
    others = {n: c for n, c in raw.cells.items() if n not in (tag, by_name["value"])}
    kept = {str(name) for name in tags[:100_000]}
    if len(kept) > MAX_COLUMNS:
        return raw
    columns: dict[str, list[object]] = {name: [None] * len(tags) for name in sorted(kept)}
    for i, (name, value) in enumerate(zip(tags, values, strict=True)):
        if str(name) in columns:
            columns[str(name)][i] = value
    note = f"rows of {tag} and value became a column for each {tag}"
    return RawColumns(
        raw.format, [*others, *columns], others | columns, [*raw.notes, note], raw.decimal_comma
    )
