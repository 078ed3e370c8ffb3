"""Atomic writes, JSON with a digest, and temporary folders that are removed after a crash."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

LOCK = ".passing.lock"
TEMPORARY = ".writing-"
"""Beginning of the names of files that are being written; a killed process leaves one behind."""


MACHINE_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}
)
"""Errors of the machine, whatever is done on it: disk full or read-only, no descriptors left."""
LITTLE_SPACE = 2**20
"""Bytes; with less, libraries that do not pass on the error of a write have met a full disk."""


DIGEST_BYTES = 32
DIGEST = "record_sha256"
"""Key of the digest in JSON that `json_with_digest` wrote."""


class LinkError(OSError):
    """A link or a special file where only plain files and folders are expected."""


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the content of a file; after a crash it holds the old or the new content, whole."""
    with replacing(path) as new:
        new.write_bytes(content)


def json_with_digest(record: Mapping[str, Any]) -> bytes:
    """Return a record as JSON with a digest of the rest, since JSON hides a flipped bit."""
    return json.dumps({**record, DIGEST: _record_digest(record)}, indent=1).encode()


def load_json_with_digest(content: bytes) -> dict[str, Any]:
    """Return the record that `json_with_digest` wrote.

    >>> load_json_with_digest(json_with_digest({"verdict": "healthy"}))
    {'verdict': 'healthy'}

    JSON without a digest is returned as it is: earlier versions wrote none.

    Raises:
        ValueError: if it is no JSON object, or does not match its digest.
    """
    try:
        record = json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError("it holds no JSON object")
    digest = record.pop(DIGEST, None)
    if digest is not None and digest != _record_digest(record):
        raise ValueError("it does not match its digest")
    return record


def with_digest(content: bytes) -> bytes:
    """Return bytes with their SHA-256 in front, since torch and NumPy do not notice a flipped bit.

    >>> without_digest(with_digest(b"weights"))
    b'weights'
    """
    return hashlib.sha256(content).digest() + content


def without_digest(stored: bytes) -> bytes:
    """Return what `with_digest` was given.

    Raises:
        ValueError: if it does not match its digest.
    """
    digest, content = stored[:DIGEST_BYTES], stored[DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise ValueError("it does not match its digest")
    return content


def _record_digest(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give an empty file beside a path, with its ending, that takes its place in the end.

    A link at the path is replaced, and what it leads to stays as it is. The file gets the mode that
    the umask allows. If the body raises, the path keeps its content.
    """
    new = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}{path.suffix}")
    try:
        with new.open("xb"):
            pass
        yield new
        with new.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        # An error of the clean-up must not hide the one that made it necessary.
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def refuse_links(folder: Path, names: Iterable[str] | None = None) -> None:
    """Check that nothing in a folder leads out of it, or blocks whoever opens it.

    Folders that others have made may hold links to anybody's files, and pipes. A file with a second
    name (a hard link) counts as a link.

    Args:
        folder: the folder; it need not exist.
        names: its entries that matter; by default everything at any depth.

    Raises:
        LinkError: naming the first link or special file.
    """
    if names is not None:
        paths: Iterable[Path] = (folder / name for name in names)
    else:
        paths = (
            Path(place, name)
            for place, folders, files in os.walk(folder)
            for name in (*folders, *files)
        )
    for path in paths:
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(found.st_mode) or (stat.S_ISREG(found.st_mode) and found.st_nlink > 1):
            kind = "a link" if stat.S_ISLNK(found.st_mode) else "a file with a second name"
            raise LinkError(
                f"{path} is {kind}, which gansearch neither reads nor writes in a run folder; "
                "put the file itself there, or remove it"
            )
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise LinkError(f"{path} is a special file, which no run has made; remove it")


@contextlib.contextmanager
def passing_folder(parent: Path, prefix: str, name: str) -> Iterator[Path]:
    """Make a folder of this prefix and name, and remove it in the end.

    Folders of the same prefix that killed processes have left are removed first.
    """
    for lock in parent.glob(f"{prefix}*/{LOCK}"):
        # In a folder such as /tmp, others may put folders and links of this name.
        if lock.parent.is_symlink() or not _is_own(lock.parent):
            continue
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


def _is_own(path: Path) -> bool:
    """Return True if a path belongs to this user."""
    try:
        return not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid()
    except OSError:
        return False


def is_machine_error(error: BaseException, folder: Path) -> bool:
    """Return True if the machine is to blame for an error, or for one that it was raised from.

    Args:
        error: the error.
        folder: folder that was written to.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError):
            if cause.errno in MACHINE_ERRORS:
                return True
            # Pillow raises "encoder error -2" on a full disk.
            if cause.errno is None and _free_bytes(folder) < LITTLE_SPACE:
                return True
        cause = cause.__cause__ or cause.__context__
    return False


def free_space(folder: Path) -> str:
    """Return what is free in the file system of a folder, as text; empty if that is unknown."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        found = os.statvfs(folder)
    except (OSError, AttributeError):
        return ""
    files = f" and room for {found.f_favail:,} files" if found.f_files else ""
    return f"{folder} has {found.f_bavail * found.f_frsize / 1e6:,.1f} MB{files} free"


def _free_bytes(folder: Path) -> float:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return float("inf")
