"""Databases that hold the trials: SQLite in the run folder, or PostgreSQL at a URL.

Any number of processes may read; the driver alone writes. In the run folder the lock file ensures
this. Drivers that share a PostgreSQL database may have no common folder, so there the lock is an
advisory lock of the database: the one connection through which the driver writes holds it, and it
ends with that connection. A driver that lost the lock can no longer write.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from gansearch.errors import GansearchError, RunFolderError
from gansearch.files import write_atomically
from gansearch.storage.run_folder import DATABASE, IDENTITY
from gansearch.study.urls import without_password

OWNER = "run_folder"
"""Attribute of a study in a shared database that names its run folder."""
_TABLES = 4_771_403
"""Key of the lock under which the tables are created."""


def database_of(folder: Path, url: str | None) -> Database:
    """Return the database of a run folder: its own file, or the PostgreSQL database at a URL."""
    return SQLite(folder / DATABASE) if url is None else PostgreSQL(url, folder / IDENTITY)


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


# --------------------------------------------------------------------------------------------------
# In the run folder


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
        return f"{self} cannot be read: {error}"

    def _open(self) -> RDBStorage:
        storage = RDBStorage(
            f"sqlite:///{self.path.absolute()}", engine_kwargs={"connect_args": {"timeout": 60}}
        )
        sqlalchemy.event.listen(storage.engine, "connect", _spare_the_disk)
        storage.engine.dispose()  # so that earlier connections are opened again, with the listener
        return storage


def _spare_the_disk(connection: sqlite3.Connection, _: object) -> None:
    """Sync to disk when a trial has ended, not at each of its dozen transactions.

    With a write-ahead log the file stays consistent, and a killed process loses nothing; only a
    power cut could lose what no checkpoint has written yet.
    """
    connection.execute("PRAGMA synchronous=NORMAL")


def write_out(engine: sqlalchemy.Engine) -> None:
    """Write everything that was committed so far to disk."""
    if engine.dialect.name == "sqlite":  # PostgreSQL does so at each commit
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")


# --------------------------------------------------------------------------------------------------
# In a shared database

_ALIVE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
_SERVER_ALIVE = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
"""Both ends notice within a minute that the other is gone, so that a lost driver frees its
studies."""


@dataclass(frozen=True)
class PostgreSQL:
    """A database of a server; all other files of the study are in its run folder."""

    url: str = field(repr=False)
    """URL with its password, if any; otherwise libpq reads PGPASSWORD or PGPASSFILE."""
    identity_file: Path
    """File of the run folder with a random identity, by which the database knows its studies."""

    def __str__(self) -> str:
        return without_password(self.url)

    def writing(self, study: str) -> RDBStorage:
        self._make_tables()
        # One connection, since it holds the lock; the tables were checked just before.
        storage = self._open(pool_size=1, max_overflow=0, skip_compatibility_check=True)
        storage.engine.dispose()
        sqlalchemy.event.listen(storage.engine, "connect", _Hold(str(self), study))
        storage.engine.connect().close()
        return storage

    def claim(self, study: optuna.Study) -> None:
        owner, name = study.user_attrs.get(OWNER), study.study_name
        if owner is None and not study.get_trials(deepcopy=False):
            if not self.identity_file.exists():
                write_atomically(self.identity_file, uuid.uuid4().hex.encode())
            owned = {
                "identity": self.identity_file.read_text(),
                "host": socket.gethostname(),
                "path": str(self.identity_file.parent),
            }
            study.set_user_attr(OWNER, owned)
        elif (
            owner is None
            or not self.identity_file.exists()
            or owner["identity"] != self.identity_file.read_text()
        ):
            whose = (
                f"belongs to the run folder {owner['path']} on {owner['host']}"
                if owner
                else "is not gansearch's"
            )
            raise RunFolderError(
                f"{self}: its study {name!r} {whose}, so {self.identity_file.parent} cannot go "
                "on with it.\nGo on in that folder, or give this study another name. Where that "
                f"folder is gone for good, `optuna delete-study --study-name {name} "
                "--storage URL` makes room."
            )

    def reading(self) -> RDBStorage:
        return self._open(poolclass=NullPool)

    def forget(self, studies: Sequence[str]) -> None:
        if not self.identity_file.exists():
            return
        storage = self.writing(studies[0])
        try:
            known = set(optuna.get_all_study_names(storage))
            for name in known.intersection(studies):
                self.claim(optuna.load_study(study_name=name, storage=storage))
                optuna.delete_study(study_name=name, storage=storage)
        finally:
            storage.engine.dispose()
        self.identity_file.unlink()

    def message(self, error: Exception) -> str:
        if isinstance(error, ImportError):
            return f'{self} needs psycopg: pip install "gansearch[postgresql]"'
        return f"{self}: {_reason(error)}"

    def _make_tables(self) -> None:
        """Create Optuna's tables if there are none, one process at a time."""
        with sqlalchemy.create_engine(
            self._driver_url, poolclass=NullPool, connect_args=_ALIVE
        ).connect() as alone:
            alone.execute(sqlalchemy.text(f"SELECT pg_advisory_xact_lock({_TABLES})"))
            self._open(poolclass=NullPool, skip_table_creation=False)

    def _open(
        self,
        *,
        skip_table_creation: bool = True,
        skip_compatibility_check: bool = False,
        **pool: Any,
    ) -> RDBStorage:
        arguments = _ALIVE | {"options": _SERVER_ALIVE, "application_name": _who()}
        url = re.sub(r"[{}]", r"\g<0>\g<0>", self._driver_url)  # Optuna formats it as a template
        return RDBStorage(
            url,
            engine_kwargs={"connect_args": arguments, **pool},
            skip_table_creation=skip_table_creation,
            skip_compatibility_check=skip_compatibility_check,
        )

    @property
    def _driver_url(self) -> str:
        return re.sub(r"^postgresql(\+psycopg)?:", "postgresql+psycopg:", self.url)


class _Hold:
    """Lets the first connection of a driver lock its study, and refuses every later one.

    If that connection is lost, so is the lock, and another driver may have continued the study.
    """

    def __init__(self, database: str, study: str) -> None:
        self._database, self._study = database, study
        digest = hashlib.sha256(f"gansearch/{study}".encode()).digest()
        self._key = int.from_bytes(digest[:8], signed=True)
        self._taken = False

    def __call__(self, connection: Any, _: object) -> None:
        if self._taken:
            connection.close()
            raise RunFolderError(
                f"{self._database}: the connection was lost, and with it the lock of the study. "
                f"{RESUMABLE}"
            )
        if not connection.execute("SELECT pg_try_advisory_lock(%s)", [self._key]).fetchone()[0]:
            holder = connection.execute(_HOLDER, self._halves()).fetchone()
            connection.close()
            who = holder[0] if holder else "another gansearch"
            raise RunFolderError(f"{self._database}: {who} works on the study {self._study!r}")
        connection.commit()
        self._taken = True

    def _halves(self) -> Mapping[str, int]:
        """Return the key as the server's list of locks shows it."""
        return {"high": self._key >> 32 & 0xFFFFFFFF, "low": self._key & 0xFFFFFFFF}


RESUMABLE = "What was stored before is kept; gansearch resume continues from there."
_HOLDER = """
SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND classid = %(high)s AND objid = %(low)s
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def _who() -> str:
    """Return a name of this process for the server's list of connections, at most 63 characters."""
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return f"gansearch {os.getpid()} on {socket.gethostname()[:20]} since {since}"


def _reason(error: Exception) -> str:
    """Return the server's message about an error, if it has one."""
    cause = (
        error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
    )
    words = cause.orig if isinstance(cause, DBAPIError) and cause.orig else cause
    if isinstance(words, KeyError):
        return "it holds no such study"
    if type(words).__name__ == "UndefinedTable":
        return "it holds no studies yet"
    return str(words).partition("\n")[0]
