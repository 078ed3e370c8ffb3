"""Bytes of a log: from a file or stdin, compressed or not, in any usual encoding."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zipfile
import zlib
from pathlib import Path
from typing import IO

from gansearch.errors import LogError

STDIN = "-"
MAX_BYTES = 256 * 2**20
"""Size of a log after decompression; reading one of this size takes some seconds."""

_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)


def read_bytes(path: Path) -> tuple[bytes, list[str]]:
    """Return the decompressed content of a file, or of stdin for `-`, and notes on how it was read.

    Raises:
        LogError: if it cannot be read, or holds more than `MAX_BYTES`.
    """
    try:
        if str(path) == STDIN:
            raw = _limited(sys.stdin.buffer, path)
        elif path.exists() and not path.is_file():
            raise LogError(f"{path} cannot be read: it is no file")
        else:
            with path.open("rb") as file:
                raw = _limited(file, path)
        return _decompressed(raw, path)
    except (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile) as error:
        raise LogError(f"{path} cannot be read: {error}") from None


def decode(raw: bytes, path: Path) -> tuple[str, str]:
    """Return the text and its encoding: by the byte order mark, else UTF-8, else Latin-1.

    Raises:
        LogError: if the bytes are no text.
    """
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), None)
    if encoding is None:
        encoding = _unmarked_encoding(raw)
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        text, encoding = raw.decode("latin-1"), "latin-1"
    control = sum(text.count(character) for character in "\x00\x01\x02\x03\x04\x05\x06")
    if control:
        raise LogError(f"{path} cannot be read: it is no text (it holds control characters)")
    return text, encoding


def _unmarked_encoding(raw: bytes) -> str:
    """Return UTF-16 where every second byte is zero, as some consoles write it, else UTF-8."""
    head = raw[:2000]
    if len(head) > 3 and head[1::2].count(0) > 0.8 * len(head[1::2]):
        return "utf-16-le"
    if len(head) > 3 and head[0::2].count(0) > 0.8 * len(head[0::2]):
        return "utf-16-be"
    return "utf-8"


def _decompressed(raw: bytes, path: Path) -> tuple[bytes, list[str]]:
    """Decompress a file by its content, not its name, up to twice."""
    notes: list[str] = []
    for _ in range(2):
        if raw.startswith(b"\x1f\x8b"):
            kind, content = "gzip", _limited(gzip.GzipFile(fileobj=io.BytesIO(raw)), path)
        elif raw.startswith(b"\xfd7zXZ\x00"):
            with lzma.LZMAFile(io.BytesIO(raw)) as stream:
                kind, content = "xz", _limited(stream, path)
        elif raw.startswith(b"BZh"):
            kind, content = "bzip2", _limited(bz2.BZ2File(io.BytesIO(raw)), path)
        elif raw.startswith(b"PK\x03\x04"):
            member = _only_member(zipfile.ZipFile(io.BytesIO(raw)), path)
            kind, content = "zip", _limited(member, path)
        else:
            break
        raw = content
        notes.append(f"decompressed ({kind})")
    return raw, notes


def _only_member(archive: zipfile.ZipFile, path: Path) -> IO[bytes]:
    """Open the only file of an archive."""
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        names = ", ".join(member.filename for member in members[:8]) or "nothing"
        raise LogError(f"{path} must hold one log, it holds {names}; unpack it and name one file")
    if members[0].flag_bits & 1:
        raise LogError(f"{path} is encrypted; unpack it first")
    return archive.open(members[0])


def _limited(stream: IO[bytes] | gzip.GzipFile, path: Path) -> bytes:
    """Read a stream of at most `MAX_BYTES`."""
    raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise LogError(
            f"{path} holds more than {MAX_BYTES >> 20} MiB; "
            "thin it out first, as with: awk 'NR == 1 || NR % 10 == 0'"
        )
    return raw
