"""A PostgreSQL server of the tests' own, on the loopback interface, in a temporary folder."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import psycopg
import pytest

PASSWORD = "open-sesame"  # of every user


def binaries():
    """Return the folder of the server's programs, which Debian keeps off the path, or None."""
    found = [
        *Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        *filter(None, [shutil.which("postgres")]),
    ]
    return Path(found[0]).resolve().parent if found else None


class Server:
    """A cluster of databases, and the server that may be started and stopped with it."""

    def __init__(self, programs, folder):
        self._programs, self._data = programs, folder / "data"
        # The server refuses to run as root.
        owner = (
            next((p for p in map(_account, ("postgres", "nobody")) if p), None)
            if os.geteuid() == 0
            else None
        )
        self._as = (
            {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
        )
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        access = [
            "--auth=scram-sha-256",
            "--username=root",
            f"--pwfile={folder / 'password'}",
            "--encoding=UTF8",
        ]
        self._run("initdb", "--pgdata", self._data, "--no-sync", *access)

    def _run(self, program, *arguments):
        command = [self._programs / program, *arguments]
        subprocess.run(command, cwd="/", check=True, capture_output=True, **self._as)

    def start(self):
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        command = [self._programs / "postgres", "-D", self._data, *options]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._server = subprocess.Popen(command, cwd="/", **quiet, **self._as)
        for _ in range(600):
            try:
                return self.sql("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise TimeoutError

    def stop(self):
        """As an administrator does: whoever is connected is cut off."""
        self._server.send_signal(signal.SIGINT)
        self._server.wait(60)

    def url(self, database="postgres", user="root", password=f":{PASSWORD}"):
        return f"postgresql://{user}{password}@127.0.0.1:{self.port}/{database}"

    def sql(self, command, database="postgres"):
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            answer = connection.execute(command)
            return answer.fetchall() if answer.description else None

    def database(self):
        """The name of a new one."""
        name = f"db_{uuid.uuid4().hex}"
        self.sql(f"CREATE DATABASE {name}")
        return name


def _account(name):
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


@pytest.fixture(scope="session")
def server():
    """A running server."""
    programs = binaries()
    if programs is None:
        pytest.skip("there is no PostgreSQL server here: apt-get install postgresql")
    folder = Path(
        tempfile.mkdtemp(prefix="gansearch-postgres-")
    )  # pytest's own is closed to other users
    server = Server(programs, folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def database(server):
    """The URL of a new database, with a password."""
    return server.url(server.database())
