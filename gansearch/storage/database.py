"""Databases that hold the trials: SQLite in the run folder, or PostgreSQL at a URL.

Any number of processes may read; the driver alone writes. In the run folder the lock file ensures
this, in a shared database a lock of the database (see postgresql).
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import optuna
import sqlalchemy
from optuna.storages import RDBStorage

from gansearch.errors import GansearchError, RunFolderError
from gansearch.files import free_space
from gansearch.storage.postgresql import PostgreSQL
from gansearch.storage.run_folder import DATABASE, IDENTITY, RunFolder
from gansearch.study.urls import without_password


def database_of(folder: Path, url: str | None) -> Database:
    """Return the database of a run folder: its own file, or the PostgreSQL database at a URL."""
    return SQLite(folder / DATABASE) if url is None else PostgreSQL(url, folder / IDENTITY)


def reading_database(folder: RunFolder) -> Database:
    """Return the database that a run folder's study names.

    Raises:
        RunFolderError: if it is elsewhere, and the run folder is not the user's own.
    """
    url = folder.spec().storage
    if url is not None:
        require_trust(folder, url)
    return database_of(folder.path, url)


def require_trust(folder: RunFolder, url: str) -> None:
    """Refuse to connect to a database that only a stranger's run folder names.

    Raises:
        RunFolderError: unless the user trusts the folder.
    """
    if not folder.is_trusted:
        raise RunFolderError(
            f"{folder.path} was not made here, and its trials are in a database that it names: "
            f"{without_password(url)}. To connect to it: gansearch trust {folder.path}"
        )


class Database(Protocol):
    """Database of trials; `str` gives its name without a password."""

    def writing(self, study: str) -> RDBStorage:
        """Open it for the driver that writes a study; create it if there is none.

        Raises:
            RunFolderError: if it cannot be opened, or another driver holds the study.
        """

    def claim(self, study: optuna.Study) -> None:
        """Check that a study opened for writing belongs to this run folder.

        Raises:
            RunFolderError: if it belongs to another.
        """

    def reading(self) -> RDBStorage:
        """Open it for reading.

        Raises:
            RunFolderError: if there is none, or it cannot be read.
        """

    def forget(self, studies: Sequence[str]) -> None:
        """Delete this run folder's studies.

        Raises:
            RunFolderError: if it cannot be opened, or a driver works on one of them.
        """

    def message(self, error: Exception) -> str:
        """Return a message about an error of the database, for the user."""


@contextmanager
def located(database: Database) -> Iterator[None]:
    """Turn any error into a RunFolderError that names the database.

    Raises:
        RunFolderError: in place of any other error.
    """
    try:
        yield
    except GansearchError:
        raise
    except Exception as error:  # SQLAlchemy, Optuna and Alembic raise a dozen kinds of errors
        raise RunFolderError(database.message(error)) from error


@dataclass(frozen=True)
class SQLite:
    """A file in the run folder, locked together with the folder."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def writing(self, study: str) -> RDBStorage:
        storage = self._open()
        # Readers never block the writer, and a killed writer leaves a sound file.
        with sqlite3.connect(self.path) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        return storage

    def claim(self, study: optuna.Study) -> None:
        """Accept: the file lies in its run folder."""

    def reading(self) -> RDBStorage:
        if not self.path.is_file():
            raise RunFolderError(f"{self} does not exist: the study has not begun")
        return self._open()

    def forget(self, studies: Sequence[str]) -> None:
        for ending in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)

    def message(self, error: Exception) -> str:
        cause = getattr(error.__cause__ or error, "orig", None) or error
        message = f"{self} cannot be read or written: {str(cause).partition(chr(10))[0]}"
        if "full" in message and (free := free_space(self.path.parent)):
            message += f"; {free}"
        return message

    def _open(self) -> RDBStorage:
        # A URL would give `?`, `%`, `#` and braces in the name of a folder a meaning.
        storage = RDBStorage(
            f"sqlite:///{self.path.name}",
            engine_kwargs={"creator": functools.partial(_connect, self.path.absolute())},
        )
        sqlalchemy.event.listen(storage.engine, "connect", _sync_less_often)
        storage.engine.dispose()  # so that earlier connections are opened again, with the listener
        return storage


def _connect(path: Path) -> sqlite3.Connection:
    # SQLAlchemy shares connections among threads, one at a time.
    return sqlite3.connect(path, timeout=60, check_same_thread=False)


def _sync_less_often(connection: sqlite3.Connection, _: object) -> None:
    """Sync to disk at `write_out`, when a trial has ended, not at each of its dozen transactions.

    With a write-ahead log the file stays consistent, and a killed process loses nothing; only a
    power cut could lose what no checkpoint has written yet.
    """
    connection.execute("PRAGMA synchronous=NORMAL")


def write_out(engine: sqlalchemy.Engine) -> None:
    """Write everything that was committed so far to disk."""
    if engine.dialect.name == "sqlite":  # PostgreSQL does so at each commit
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
