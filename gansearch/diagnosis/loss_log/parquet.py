"""Loss logs in Parquet, such as a trial's `signals.parquet`."""

from __future__ import annotations

from pathlib import Path

from gansearch.diagnosis.loss_log.names import is_counter_or_signal
from gansearch.diagnosis.loss_log.raw import MAX_COLUMNS, RawColumns, check_rows
from gansearch.errors import LogError


def is_parquet(raw: bytes) -> bool:
    """Return True if a file is Parquet."""
    return raw.startswith(b"PAR1")


def read_parquet(raw: bytes, path: Path) -> RawColumns:
    """Read the columns with known names, or all columns of a small table.

    Raises:
        LogError: if it is damaged, or has too many rows.
    """
    import pyarrow as pa  # takes 0.2 s, and few logs are Parquet
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(raw))
        check_rows(file.metadata.num_rows, path)
        names = list(file.schema_arrow.names)
        wanted = [name for name in names if is_counter_or_signal(name)] or names
        table = file.read(columns=names if len(names) <= MAX_COLUMNS else wanted[:MAX_COLUMNS])
    except (OSError, pa.ArrowException) as error:
        raise LogError(f"{path} cannot be read as Parquet: {error}") from None
    return RawColumns("Parquet", names, table.to_pydict())
