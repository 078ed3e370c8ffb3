"""Atomic writes, and temporary folders that are removed even after a crash."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = ".passing.lock"


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the content of a file; after a crash it holds the old or the new content, whole."""
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextlib.contextmanager
def passing_folder(parent: Path, prefix: str, name: str) -> Iterator[Path]:
    """Make a folder of this prefix and name, and remove it in the end.

    Folders of the same prefix that killed processes have left are removed first.
    """
    for lock in parent.glob(f"{prefix}*/{LOCK}"):
        # A lock that can be taken belongs to no living process.
        with contextlib.suppress(Timeout, OSError), FileLock(lock, timeout=0):
            shutil.rmtree(lock.parent, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{prefix}", dir=parent))
    try:
        # Locked before it gets its name, so that no other process removes it as left over.
        with FileLock(folder / LOCK):
            folder = folder.rename(parent / f"{prefix}{name}")
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
