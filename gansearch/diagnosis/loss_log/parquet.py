"""Loss logs in Parquet, such as a trial's `signals.parquet`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gansearch.diagnosis.loss_log.names import is_counter_or_signal, signal_of
from gansearch.diagnosis.loss_log.raw import MAX_COLUMNS, RawColumns, check_rows
from gansearch.errors import LogError

if TYPE_CHECKING:
    import pyarrow as pa


def is_parquet(raw: bytes) -> bool:
    """Return True if a file is Parquet."""
    return raw.startswith(b"PAR1")


def read_parquet(raw: bytes, path: Path) -> RawColumns:
    """Read the columns of numbers and text with known names, or all of a small table.

    Raises:
        LogError: if it is damaged, or has too many rows.
    """
    import pyarrow as pa  # takes 0.2 s, and few logs are Parquet
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(raw), page_checksum_verification=True)
        kinds = {field.name: field.type for field in file.schema_arrow}
        chosen = _chosen(kinds, path)
        check_rows(file.metadata.num_rows, path, len(chosen))
        cells = file.read(columns=chosen).to_pydict()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise LogError(f"{path} cannot be read as Parquet: {error}") from None
    return RawColumns("Parquet", list(kinds), cells)


def _chosen(kinds: Mapping[str, pa.DataType], path: Path) -> list[str]:
    """Return the columns to read.

    Raises:
        LogError: if a column of a signal's name holds dates, lists or the like.
    """
    readable = {name: _is_readable(kind) for name, kind in kinds.items()}
    for name, fits in readable.items():
        if not fits and signal_of(name) is not None:
            raise LogError(f"{path}: its column {name} holds {kinds[name]}, not numbers")
    names = [name for name, fits in readable.items() if fits]
    if len(names) > MAX_COLUMNS:
        names = [name for name in names if is_counter_or_signal(name)] or names
    return names[:MAX_COLUMNS]


def _is_readable(kind: pa.DataType) -> bool:
    """Return True for numbers and text."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    checks = ("floating", "integer", "boolean", "decimal", "string", "large_string", "null")
    return any(getattr(types, f"is_{check}")(kind) for check in checks)
