"""Delimited text: CSV, spreadsheets' semicolons, tabs, blanks and bars."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from gansearch.diagnosis.loss_log.cells import number
from gansearch.diagnosis.loss_log.names import plain, signal_of
from gansearch.diagnosis.loss_log.raw import (
    MAX_COLUMNS,
    TAGS,
    RawColumns,
    check_rows,
    is_wanted,
    pivoted,
)
from gansearch.errors import LogError

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}
HEADER_LINES = 60
"""Lines within which the names of columns must stand; titles may be above them."""
LONGEST_CELL = 2**20
TENSORBOARD = ("walltime", "step", "value")


class Header(NamedTuple):
    """Names of columns, and where they stand."""

    line: int
    delimiter: str
    names: list[str]
    known: int
    """Names among them that stand for signals."""


def find_header(text: str, mapping: Mapping[str, str]) -> Header | None:
    """Return the line that names signals, with its delimiter; None where no line does."""
    for i, line in enumerate(islice(io.StringIO(text), HEADER_LINES)):
        found = [
            Header(i, delimiter, names, known)
            for delimiter in DELIMITERS
            if (names := _names(line, delimiter)) and (known := _known(names, mapping))
        ]
        if found:
            # Blanks also stand within names, so they separate only where nothing else does.
            delimiters = [mark for mark in DELIMITERS if mark != " " and mark in line]
            return max(found, key=lambda h: (h.known, h.delimiter in delimiters, len(h.names)))
    return None


def first_line(text: str, path: Path) -> Header:
    """Return the first line that is not blank as the names of columns.

    Raises:
        LogError: if it is a row of numbers.
    """
    lines = enumerate(islice(io.StringIO(text), HEADER_LINES))
    i, line = next(((i, line) for i, line in lines if line.strip()), (0, ""))
    delimiter = max(DELIMITERS, key=lambda d: (line.count(d), d != " "))
    names = _split(line, delimiter)
    if names and all(map(_is_number, names)):
        raise LogError(
            f"{path} has no header: its first line holds numbers, not names of columns. "
            "Write their names above them, such as d_loss,g_loss"
        )
    return Header(i, delimiter, names, 0)


def read_table(text: str, header: Header, path: Path, mapping: Mapping[str, str]) -> RawColumns:
    """Read the rows below a header, of the columns that may be of use.

    Raises:
        LogError: for rows with more cells than the header has names, or more than `MAX_ROWS`.
    """
    # Choose the columns, by their place in a row
    mapped = {*mapping.values()}
    wanted: dict[int, str] = {}
    for place, name in enumerate(header.names):
        useful = is_wanted(name, mapped) or plain(name) in (*TAGS, "value")
        if useful and name not in wanted.values() and len(wanted) < MAX_COLUMNS:
            wanted[place] = name

    # Read their cells
    cells: dict[str, list[object]] = {name: [] for name in wanted.values()}
    skipped = count = 0
    for row in _rows(text, header):
        if _is_no_data(row, header):
            skipped += 1
            continue
        count += 1
        if len(row) > len(header.names):
            row = _fitted(row, header, path, count)
        for place, name in wanted.items():
            cells[name].append(row[place] if place < len(row) else "")
        check_rows(count, path, len(cells))
    raw = RawColumns(f"table separated by {DELIMITERS[header.delimiter]}", header.names, cells)
    raw.decimal_comma = header.delimiter != ","
    if skipped:
        raw.notes.append(
            f"{skipped} rows that repeat the names of columns or are comments left out"
        )
    return pivoted(raw)


def _names(line: str, delimiter: str) -> list[str]:
    """Split a line into names; return none where it cannot be a header."""
    if (delimiter != "," and delimiter not in line) or (delimiter == " " and "|" in line):
        return []
    pairs = r"\w\W{0,3}[:=]\s*[-+.\d]"
    if delimiter == " ":
        pairs += "|[:=]"
    if len(line) < 100_000 and re.search(pairs, line):
        return []
    names = _split(line, delimiter)
    return [] if any(map(_is_number, names[:1000])) else names


def _split(line: str, delimiter: str) -> list[str]:
    line = line.strip("\r\n").lstrip("\ufeff")
    if line.lstrip().startswith("#"):
        line = line.lstrip("# ")
    if delimiter == "|":
        line = line.strip().strip("|")
    if delimiter == " ":
        return line.split()
    try:
        row = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []
    return [name.strip() for name in row]


def _known(names: list[str], mapping: Mapping[str, str]) -> int:
    """Count the names that stand for signals; columns of tags and values count as one."""
    mapped = {*mapping.values()}
    known = sum(name in mapped or signal_of(name) is not None for name in names[:100_000])
    words = {plain(name) for name in names[:1000]}
    if known == 0 and "value" in words and (words >= {*TENSORBOARD} or words & {*TAGS}):
        return 1
    return known


def _rows(text: str, header: Header) -> Iterator[list[str]]:
    """Yield the cells of each row below a header."""
    lines: Iterator[str] = islice(io.StringIO(text), header.line + 1, None)
    if header.delimiter == " ":
        yield from (cells for line in lines if (cells := line.split()))
        return
    csv.field_size_limit(LONGEST_CELL)
    if header.delimiter == "|":
        lines = (line.strip().strip("|") for line in lines)
    try:
        for row in csv.reader(lines, delimiter=header.delimiter, skipinitialspace=True):
            if row:
                yield row
    except csv.Error as error:
        raise LogError(f"the table cannot be read: {error}") from None


def _is_no_data(row: list[str], header: Header) -> bool:
    """Return True for a comment, a repeated header, or a line between header and rows."""
    first = row[0].lstrip()
    if first.startswith("#") or first == header.names[0]:
        return first.startswith("#") or [cell.strip() for cell in row] == header.names
    return header.delimiter == "|" and not "".join(row).strip("-:= +")


def _fitted(row: list[str], header: Header, path: Path, count: int) -> list[str]:
    """Drop empty cells at the end, and the index that stands before unnamed rows."""
    surplus = len(row) - len(header.names)
    if not any(cell.strip() for cell in row[len(header.names) :]):
        return row[: len(header.names)]
    if header.delimiter == " " and surplus == 1:
        return row[1:]
    raise LogError(
        f"{path}, row {count}: its rows have more cells than its header has names "
        f"({len(row)} and {len(header.names)}); numbers with decimal commas "
        "need another separator, such as semicolons"
    )


def _is_number(cell: str) -> bool:
    try:
        return number(cell, True) is not None
    except ValueError:
        return False
