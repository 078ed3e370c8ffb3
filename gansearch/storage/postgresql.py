"""PostgreSQL database that several machines share, with a lock for the driver of each study.

Drivers that share a database may have no common folder, so the lock is an advisory lock of the
database: the one connection through which the driver writes holds it, and it ends with that
connection. A driver that lost the lock can no longer write.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from gansearch.errors import RunFolderError
from gansearch.files import write_atomically
from gansearch.study.urls import without_password

RESUMABLE = "What was stored before is kept; gansearch resume continues from there."
"""End of a message about a database that failed while a driver was writing."""
OWNER = "run_folder"
"""Attribute of a study in a shared database that names its run folder."""
_TABLES = 4_771_403
"""Key of the lock under which the tables are created."""
_HOLDER = """
SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND classid = %(high)s AND objid = %(low)s
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_ALIVE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""Options of a connection by which a driver notices within a minute that the server is gone."""
_SERVER_ALIVE = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
"""Options by which the server notices as soon that a driver is gone, and frees its studies."""


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
        # Create the tables if there are none, one process at a time.
        with sqlalchemy.create_engine(
            self._driver_url, poolclass=NullPool, connect_args=_ALIVE
        ).connect() as alone:
            alone.execute(sqlalchemy.text(f"SELECT pg_advisory_xact_lock({_TABLES})"))
            self._open(poolclass=NullPool, skip_table_creation=False)
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
            return
        own = self.identity_file.read_text() if self.identity_file.exists() else None
        if owner is not None and owner["identity"] == own:
            return
        whose = "is not gansearch's"
        if owner:
            whose = f"belongs to the run folder {owner['path']} on {owner['host']}"
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
        cause: BaseException = error
        if isinstance(error, StorageInternalError) and error.__cause__:
            cause = error.__cause__
        if isinstance(cause, DBAPIError) and cause.orig:
            cause = cause.orig  # the server's own message
        if isinstance(cause, KeyError):
            return f"{self}: it holds no such study"
        if type(cause).__name__ == "UndefinedTable":
            return f"{self}: it holds no studies yet"
        first_line = str(cause).partition("\n")[0]
        return f"{self}: {first_line}"

    def _open(
        self,
        *,
        skip_table_creation: bool = True,
        skip_compatibility_check: bool = False,
        **pool: Any,
    ) -> RDBStorage:
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        # The name of this process in the server's list of connections, at most 63 characters.
        name = f"gansearch {os.getpid()} on {socket.gethostname()[:20]} since {since}"
        arguments = _ALIVE | {"options": _SERVER_ALIVE, "application_name": name}
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
    """Lock of a study: a driver's first connection takes it, and every later one is refused.

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
            # The server's list of locks shows a key in two halves.
            halves = {"high": self._key >> 32 & 0xFFFFFFFF, "low": self._key & 0xFFFFFFFF}
            holder = connection.execute(_HOLDER, halves).fetchone()
            connection.close()
            who = holder[0] if holder else "another gansearch"
            raise RunFolderError(f"{self._database}: {who} works on the study {self._study!r}")
        connection.commit()
        self._taken = True
