"""Zip archives of pictures, read without unpacking them to disk."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TypeVar

from gansearch.errors import DataError

LARGEST_MEMBER = 256 * 2**20
"""Bytes that one file of an archive may unpack to."""
LARGEST_RATIO = 200
"""Unpacked bytes for each byte of the archive; DEFLATE reaches 1,032, pictures hardly 2."""
RATIO_FROM = 64 * 2**20
"""Bytes that an archive may unpack to whatever its ratio."""
E = TypeVar("E")


@contextmanager
def zip_entries(path: Path, entry: Callable[..., E]) -> Iterator[list[E]]:
    """List the files of an archive as `entry(name, open, version, refusal)`.

    Nothing is written to disk, so that names with `..` do no harm. Of two files of one name the
    last one counts.

    Raises:
        DataError: when the archive is damaged or would unpack to too much.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise DataError(f"{path} is a damaged zip file: {error}") from None
    with archive:
        members = {info.filename: info for info in archive.infolist() if not info.is_dir()}
        unpacked = sum(info.file_size for info in members.values())
        if unpacked > max(RATIO_FROM, LARGEST_RATIO * path.stat().st_size):
            raise DataError(
                f"{path} would unpack to {unpacked} bytes, more than {LARGEST_RATIO} times its "
                "size; pictures do not compress so well: unpack it and name the folder"
            )
        yield [
            entry(
                name, partial(_read, archive, info), f"{info.file_size} {info.CRC}", _refusal(info)
            )
            for name, info in members.items()
        ]


def _refusal(info: zipfile.ZipInfo) -> str:
    """Return the reason not to read a file of an archive; empty for a regular file."""
    if info.flag_bits & 1:
        return "encrypted"
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "no regular file"
    return "too large" if info.file_size > LARGEST_MEMBER else ""


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    """Unpack one file to memory, whatever size its header states."""
    with archive.open(info) as stream:
        content = stream.read(LARGEST_MEMBER + 1)
    if len(content) > LARGEST_MEMBER:
        raise OSError(f"unpacks to more than {LARGEST_MEMBER} bytes")
    return io.BytesIO(content)
