"""Folder of one trial: its files, written by its worker.

trials/0007/candidate.json          the candidate
            signals.parquet         signals, a row a step
            predictions.parquet     histograms of the discriminator's predictions
            verdict.json            verdict, or error.txt with the traceback of a crash
            samples/*.png           pictures of samples, by step
            generator.safetensors   weights of the generator, with their .sha256
            discriminator.safetensors  weights of the discriminator of a run that did not fail,
                                    with their .sha256, for students (see study/teacher_files)
            data.json               format of the samples
            output.txt              what its process printed, if anything
            checkpoint.pt           only while the trial trains or is paused
            rescue/                 the same of its second run, if it got one
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gansearch.errors import RunFolderError
from gansearch.files import (
    TEMPORARY,
    json_with_digest,
    load_json_with_digest,
    replacing,
    write_atomically,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from gansearch.trial_record import TrialRecord

# pandas (0.7 s of CPU) and Arrow (0.3 s) are imported where tables are read or written: `status`
# and `pareto` need none of them, and take 0.7 s in all.

CANDIDATE, SIGNALS, PREDICTIONS, VERDICT, SAMPLES, GENERATOR, DISCRIMINATOR, CHECKPOINT, ERROR = (
    "candidate.json",
    "signals.parquet",
    "predictions.parquet",
    "verdict.json",
    "samples",
    "generator.safetensors",
    "discriminator.safetensors",
    "checkpoint.pt",
    "error.txt",
)
DATA = "data.json"
"""In a run folder the identity of its data, in a trial's folder the format of its samples."""
OWN = frozenset(
    {
        *(CANDIDATE, SIGNALS, PREDICTIONS, VERDICT, CHECKPOINT, ERROR, DATA),
        *(GENERATOR, f"{GENERATOR}.sha256", DISCRIMINATOR, f"{DISCRIMINATOR}.sha256"),
        *("output.txt", ".object-store-prefix"),
    }
)
"""Files of a trial."""
_OWN_SAMPLE = re.compile(r"step-\d{1,18}\.png")
TABLE_DIGEST = b"table_sha256"
"""Key of the digest in the metadata of a table."""
MOST_VALUES = 100_000_000
"""Values of a table; 1,000,000 steps of the 40 signals that there are have less than half."""


class TrialFolder:
    """The files of one trial, written by its worker."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def rescue(self) -> TrialFolder:
        """Files of a second run with a remedy."""
        return TrialFolder(self.path / "rescue")

    def figured(self, record: TrialRecord) -> TrialFolder:
        """Return the files of the run that the trial's candidate and figures belong to."""
        return self.rescue if record.rescued else self

    def write_json(self, name: str, record: Mapping[str, Any]) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path / name, json_with_digest(record))

    def read_json(self, name: str) -> dict[str, Any]:
        """Return what `write_json` kept.

        Raises:
            RunFolderError: if there is none, or it is damaged.
        """
        path = self.path / name
        try:
            return load_json_with_digest(path.read_bytes())
        except OSError as error:
            raise RunFolderError(f"{path} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise RunFolderError(f"{path} is damaged: {error}") from None

    def write_error(self, traceback: str) -> None:
        """Keep the traceback of a crash, for the author of the component."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path / ERROR, traceback.encode())

    def write_signals(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Keep the signals, one row per step, steps counted from 1."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = dict.fromkeys(name for row in rows for name in row)
        schema = pa.schema([("step", pa.int64()), *((name, pa.float32()) for name in columns)])
        # Arrow keeps NaN (went wrong) apart from null (not measured); pandas does not.
        table = pa.Table.from_pylist(
            [{"step": step, **row} for step, row in enumerate(rows, start=1)], schema
        )
        self.path.mkdir(parents=True, exist_ok=True)
        with replacing(self.path / SIGNALS) as new:
            pq.write_table(_with_digest(table), new, write_page_checksum=True)

    def signals(self) -> pd.DataFrame | None:
        """Return what `write_signals` kept; None if there is nothing.

        Raises:
            RunFolderError: if it is damaged.
        """
        return _read_table(self.path / SIGNALS)

    def signal_rows(self) -> list[dict[str, float]]:
        """Return the same as rows, without what was not measured; empty if there is nothing.

        Raises:
            RunFolderError: if it is damaged.
        """
        table = _read_arrow(self.path / SIGNALS)
        rows = [] if table is None else table.drop_columns(["step"]).to_pylist()
        return [{name: value for name, value in row.items() if value is not None} for row in rows]

    def write_predictions(self, histograms: Sequence[tuple[int, str, Sequence[int]]]) -> None:
        """Keep histograms over [0, 1] of the discriminator's predictions.

        Args:
            histograms: step, kind of samples and counts of each.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not histograms:
            return
        rows = [
            {"step": step, "kind": kind} | {f"bin_{i:02d}": count for i, count in enumerate(counts)}
            for step, kind, counts in histograms
        ]
        self.path.mkdir(parents=True, exist_ok=True)
        with replacing(self.path / PREDICTIONS) as new:
            table = _with_digest(pa.Table.from_pylist(rows))
            pq.write_table(table, new, write_page_checksum=True)

    def predictions(self) -> pd.DataFrame | None:
        """Return what `write_predictions` kept; None if there is nothing.

        The columns are step, kind, and bin_00 (from 0) to the last (up to 1).

        Raises:
            RunFolderError: if it is damaged.
        """
        return _read_table(self.path / PREDICTIONS)

    def verdict(self) -> Mapping[str, Any] | None:
        """Return the content of verdict.json; None if there is none.

        Raises:
            RunFolderError: if it is damaged.
        """
        return self.read_json(VERDICT) if (self.path / VERDICT).exists() else None

    def sample_grids(self) -> list[Path]:
        """Return the kept sample images, oldest first."""
        found = (self.path / SAMPLES).glob("*.png")
        return sorted(path for path in found if _OWN_SAMPLE.fullmatch(path.name))

    def sample_path(self, step: int) -> Path:
        path = self.path / SAMPLES / f"step-{step:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def remove(self) -> None:
        """Remove the trial's files, and its folder unless it holds something else."""
        samples = self.path / SAMPLES
        own = [path for path in self.path.glob("*") if path.name in OWN]
        if not samples.is_symlink():
            own += [path for path in samples.glob("*") if _OWN_SAMPLE.fullmatch(path.name)]
        for path in (*own, *self.path.glob(f"{TEMPORARY}*"), *samples.glob(f"{TEMPORARY}*")):
            path.unlink()
        if self.rescue.path.is_dir() and not self.rescue.path.is_symlink():
            self.rescue.remove()
        for folder in (samples, self.path):
            with suppress(OSError):
                folder.rmdir()


def _read_table(path: Path) -> pd.DataFrame | None:
    """Return a Parquet file, its checksums verified; None if there is none."""
    table = _read_arrow(path)
    frame: pd.DataFrame | None = None if table is None else table.to_pandas()
    return frame


def _read_arrow(path: Path) -> pa.Table | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        return None
    try:
        metadata = pq.read_metadata(path)
        # Somebody else's file of a few kB may hold a thousand million values.
        if metadata.num_rows * metadata.num_columns > MOST_VALUES:
            raise ValueError(f"it holds more than {MOST_VALUES:,} values")
        table = pq.read_table(path, page_checksum_verification=True)
        for field in table.schema:
            kept = pa.types.is_string if field.name == "kind" else _is_number
            if not kept(field.type):
                raise ValueError(f"the column {field.name!r} is of the type {field.type}")
        if "step" not in table.schema.names or len(set(table.schema.names)) < table.num_columns:
            raise ValueError("it has no column `step`, or two columns of one name")
        known = (table.schema.metadata or {}).get(TABLE_DIGEST)  # earlier versions kept none
        if known is not None and known != _table_digest(table):
            raise ValueError("it does not match its digest")
    except (OSError, ValueError, TypeError, MemoryError, pa.ArrowException) as error:
        why = str(error).partition("\n")[0]
        raise RunFolderError(f"{path} is damaged: {why}") from None
    return table


def _with_digest(table: pa.Table) -> pa.Table:
    """Return a table that has its digest in its metadata."""
    return table.replace_schema_metadata({TABLE_DIGEST: _table_digest(table)})


def _table_digest(table: pa.Table) -> bytes:
    """Return the digest of names, types and values: checksums of pages cover the values alone."""
    digest = hashlib.sha256()
    for field, column in zip(table.schema, table.columns, strict=True):
        digest.update(f"{field.name}\0{field.type}\0{len(column)}\0{column.null_count}\0".encode())
        if field.name == "kind":
            digest.update("\0".join(map(str, column.to_pylist())).encode())
        else:
            digest.update(column.to_numpy().tobytes())
    return digest.hexdigest().encode()


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
