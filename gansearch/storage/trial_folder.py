"""Folder of one trial: its files, written by its worker.

trials/0007/candidate.json          the candidate
            signals.parquet         signals, a row a step
            predictions.parquet     histograms of the discriminator's predictions
            verdict.json            verdict, or error.txt with the traceback of a crash
            samples/*.png           pictures of samples, by step
            generator.safetensors   weights of the generator, with their .sha256
            data.json               format of the samples
            checkpoint.pt           only while the trial trains or is paused
            rescue/                 the same of its second run, if it got one
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gansearch.files import write_atomically

if TYPE_CHECKING:
    import pandas as pd

    from gansearch.trial_record import TrialRecord

# pandas (0.7 s of CPU) and Arrow (0.3 s) are imported where tables are read or written: `status`
# and `pareto` need none of them, and take 0.7 s in all.

CANDIDATE, SIGNALS, PREDICTIONS, VERDICT, SAMPLES, GENERATOR, ERROR = (
    "candidate.json",
    "signals.parquet",
    "predictions.parquet",
    "verdict.json",
    "samples",
    "generator.safetensors",
    "error.txt",
)
DATA = "data.json"
"""In a run folder the identity of its data, in a trial's folder the format of its samples."""


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
        write_atomically(self.path / name, json.dumps(record, indent=1).encode())

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
        pq.write_table(table, self.path / SIGNALS)

    def signals(self) -> pd.DataFrame | None:
        """Return what `write_signals` kept; None if there is nothing."""
        import pandas as pd

        path = self.path / SIGNALS
        return pd.read_parquet(path) if path.is_file() else None

    def signal_rows(self) -> list[dict[str, float]]:
        """Return the same as rows, without what was not measured; empty if there is nothing."""
        import pyarrow.parquet as pq

        path = self.path / SIGNALS
        rows = pq.read_table(path).drop_columns(["step"]).to_pylist() if path.is_file() else []
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
        pq.write_table(pa.Table.from_pylist(rows), self.path / PREDICTIONS)

    def predictions(self) -> pd.DataFrame | None:
        """Return what `write_predictions` kept; None if there is nothing.

        The columns are step, kind, and bin_00 (from 0) to the last (up to 1).
        """
        import pandas as pd

        path = self.path / PREDICTIONS
        return pd.read_parquet(path) if path.is_file() else None

    def sample_grids(self) -> list[Path]:
        """Return the kept sample images, oldest first."""
        return sorted((self.path / SAMPLES).glob("*.png"))

    def sample_path(self, step: int) -> Path:
        path = self.path / SAMPLES / f"step-{step:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
