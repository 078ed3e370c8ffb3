"""Files that a crash never leaves a part of, and folders that it leaves for no longer than it must."""

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
    """Replace a file so that after a crash it holds the old content or the new, never a part."""
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
    """A new folder of this prefix and name that is removed in the end.

    Those of the same prefix that killed processes have left go first.
    """
    for left in parent.glob(f"{prefix}*/{LOCK}"):
        with contextlib.suppress(Timeout, OSError), FileLock(left, timeout=0):
            shutil.rmtree(left.parent, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{prefix}", dir=parent))
    try:
        with FileLock(
            folder / LOCK
        ):  # before it has its name, so that nobody takes it for one that was left
            folder = folder.rename(parent / f"{prefix}{name}")
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
