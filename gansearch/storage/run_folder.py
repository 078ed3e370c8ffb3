"""The run folder: what a study leaves on disk, and where.

runs/<study>/study.yaml             the study with its defaults
             data.json              the identity of the data that all trials share
             study.db               trials, by Optuna on SQLite; the driver alone writes it
             identity               instead of study.db, where a database by URL keeps the trials: by this
                                    it knows whose they are
             lock                   held by the driver while it runs
             trials/0007/           candidate.json, signals.parquet, predictions.parquet, verdict.json or
                                    error.txt, samples/*.png, generator.pt, discriminator.pt where it may
                                    be inherited; while it trains, checkpoint.pt
             trials/0007/rescue/    the same of its second run, where it got one
             certification/0003/    the same of a run with a fresh seed
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from filelock import FileLock, Timeout
from pydantic import ValidationError

from gansearch.errors import RunFolderError
from gansearch.files import write_atomically
from gansearch.study.data_identity import DataIdentity, identity_differences
from gansearch.study.database_url import without_password
from gansearch.study.spec import StudySpec
from gansearch.study.yaml_file import StudyDocument

if TYPE_CHECKING:
    from gansearch.storage.database import Database
    from gansearch.trial_record import TrialRecord

STUDY, DATABASE, IDENTITY, LOCK = "study.yaml", "study.db", "identity", "lock"
DATA = "data.json"
"""In a run folder the identity of its data, in a trial's folder the format of its samples."""
TRIALS, CERTIFICATION = "trials", "certification"
CANDIDATE, SIGNALS, PREDICTIONS, VERDICT, SAMPLES, GENERATOR, ERROR = (
    "candidate.json",
    "signals.parquet",
    "predictions.parquet",
    "verdict.json",
    "samples",
    "generator.pt",
    "error.txt",
)


class RunFolder:
    """The folder of one study."""

    def __init__(self, path: Path, storage: str | None = None) -> None:
        self.path = (
            path.absolute()
        )  # SQLite and its locks need a path that outlives a change of directory
        self._storage = storage

    @classmethod
    def create(
        cls,
        path: Path,
        spec: StudySpec,
        data: DataIdentity | None = None,
        location: Collection[str] = (),
    ) -> Self:
        """Return the folder for a study: a new one, or that of the same study begun before.

        Args:
            path: the folder.
            spec: the study.
            data: its data, which have to be those of earlier trials; null does not compare them.
            location: fields of the dataset that may change, since they only say where the data lie.

        Raises:
            RunFolderError: when it holds another study, or other data, naming the differences.
        """
        folder = cls(path, spec.storage)
        if not (folder.path / STUDY).exists():
            (folder.path / TRIALS).mkdir(parents=True, exist_ok=True)
        elif folder.has_begun:
            folder._check_same(spec, data, location)
        folder._write_study(spec)
        if data is not None:
            write_atomically(folder.path / DATA, data.model_dump_json(indent=1).encode())
        return folder

    def _check_same(
        self, spec: StudySpec, data: DataIdentity | None, location: Collection[str]
    ) -> None:
        anew = "Give this study another name or --out, or begin anew with --fresh."
        if differences := identity_differences(self.spec(), spec, location):
            listing = "\n  ".join(differences)
            raise RunFolderError(
                f"{self.path} holds a study that differs from this one:\n  {listing}\n{anew}"
            )
        known = self.data()
        if data is not None and known is not None and data.digest != known.digest:
            raise RunFolderError(
                f"the data differ from those of the trials in {self.path}, so that figures cannot "
                f"be compared:\n  there: {known}\n  now:   {data}\n"
                f"Restore the data, or name their place by --set. {anew}"
            )

    def data(self) -> DataIdentity | None:
        """Return the identity of the data that the trials were trained on, where it is known.

        Raises:
            RunFolderError: when its file is damaged.
        """
        path = self.path / DATA
        try:
            return DataIdentity.model_validate_json(path.read_bytes()) if path.is_file() else None
        except (OSError, ValidationError) as error:
            raise RunFolderError(f"{path} cannot be read: {error}") from None

    @classmethod
    def open(cls, path: Path, storage: str | None = None) -> Self:
        """An existing folder, named itself or by a file in it.

        Args:
            path: its own, or its study.yaml's.
            storage: the URL of its database with the password, which is not kept in the folder; another's is ignored.

        Raises:
            RunFolderError: when it is none.
        """
        folder = cls(path.parent if path.name == STUDY and path.is_file() else path)
        if not (folder.path / STUDY).is_file():
            raise RunFolderError(f"{path} is no run folder: it holds no {STUDY}")
        if storage is not None and without_password(storage) == folder.spec().storage:
            folder._storage = storage
        return folder

    @property
    def has_begun(self) -> bool:
        """Whether a database holds trials of it, or has been about to."""
        return (self.path / DATABASE).exists() or (self.path / IDENTITY).exists()

    def spec(self) -> StudySpec:
        """The study as it was run last."""
        return StudyDocument.read(self.path / STUDY).spec()

    @property
    def study_file(self) -> Path:
        return self.path / STUDY

    @property
    def database(self) -> Database:
        """What keeps the study's trials."""
        # Here, since workers, which know nothing of Optuna, have run folders too.
        from gansearch.storage.database import PostgreSQL, SQLite

        url = self._storage or self.spec().storage
        return SQLite(self.path / DATABASE) if url is None else PostgreSQL(url, self.path)

    def trial(self, number: int) -> TrialFolder:
        return TrialFolder(self.path / TRIALS / f"{number:04d}")

    def certification_run(self, number: int) -> TrialFolder:
        return TrialFolder(self.path / CERTIFICATION / f"{number:04d}")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; the lock ends with its process, however that ends.

        Raises:
            RunFolderError: when another process holds it.
        """
        try:
            with FileLock(self.path / LOCK, timeout=0):
                yield
        except Timeout:
            raise RunFolderError(f"another gansearch is at work in {self.path}") from None

    def clear(self) -> None:
        """Forget a run: only what a run leaves behind, and only while nobody is at work there.

        Raises:
            RunFolderError: when another process holds it, or its database cannot be had.
        """
        from gansearch.storage.trial_store import TrialStore

        with self.locked():
            TrialStore.forget(self.database, self.spec().name)
            for name in (TRIALS, CERTIFICATION):
                shutil.rmtree(self.path / name, ignore_errors=True)
            (self.path / DATA).unlink(missing_ok=True)
            self.study_file.unlink()

    def _write_study(self, spec: StudySpec) -> None:
        text = yaml.safe_dump(spec.resolved(), sort_keys=False, allow_unicode=True)
        write_atomically(self.path / STUDY, text.encode())


class TrialFolder:
    """The files of one trial; its worker writes them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def rescue(self) -> TrialFolder:
        """The files of a second run."""
        return TrialFolder(self.path / "rescue")

    def figured(self, record: TrialRecord) -> TrialFolder:
        """The files of the run that the trial's candidate and figures are of."""
        return self.rescue if record.rescued else self

    def write_json(self, name: str, record: Mapping[str, Any]) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path / name, json.dumps(record, indent=1).encode())

    def write_error(self, traceback: str) -> None:
        """Keep the traceback of a crash, for whoever wrote the component."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path / ERROR, traceback.encode())

    def write_signals(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Keep signals, a row a step, steps counted from 1."""
        columns = dict.fromkeys(name for row in rows for name in row)
        schema = pa.schema([("step", pa.int64()), *((name, pa.float32()) for name in columns)])
        # By Arrow itself: pandas would make no difference between what went wrong and what was not measured.
        table = pa.Table.from_pylist(
            [{"step": step, **row} for step, row in enumerate(rows, start=1)], schema
        )
        self.path.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, self.path / SIGNALS)

    def signals(self) -> pd.DataFrame | None:
        """What `write_signals` kept, if the trial got that far."""
        path = self.path / SIGNALS
        return pd.read_parquet(path) if path.is_file() else None

    def write_predictions(self, histograms: Sequence[tuple[int, str, Sequence[int]]]) -> None:
        """Keep histograms over [0, 1] of the discriminator's predictions: (step, kind of samples, counts)."""
        if not histograms:
            return
        rows = [
            {"step": step, "kind": kind} | {f"bin_{i:02d}": count for i, count in enumerate(counts)}
            for step, kind, counts in histograms
        ]
        self.path.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), self.path / PREDICTIONS)

    def predictions(self) -> pd.DataFrame | None:
        """What `write_predictions` kept: columns step, kind, and bin_00 to the last one, from 0 up to 1."""
        path = self.path / PREDICTIONS
        return pd.read_parquet(path) if path.is_file() else None

    def sample_grids(self) -> list[Path]:
        """The kept pictures of samples, oldest first."""
        return sorted((self.path / SAMPLES).glob("*.png"))

    def sample_path(self, step: int) -> Path:
        path = self.path / SAMPLES / f"step-{step:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
