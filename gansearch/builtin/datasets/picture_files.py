"""The picture files of a folder or a zip archive, and those that are left out."""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from gansearch.builtin.datasets.archives import zip_entries
from gansearch.errors import DataError

# fmt: off
ENDINGS = frozenset({
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".tif", ".tiff",
    ".gif", ".pgm", ".ppm", ".pnm", ".pbm",
})
OTHER_PICTURES = frozenset({
    ".avif", ".heic", ".heif", ".jp2", ".j2k", ".jxl", ".psd", ".svg", ".ico", ".tga", ".exr",
    ".hdr", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".dcm", ".eps", ".xcf",
    ".zip", ".tar", ".tgz", ".rar", ".7z",
})
# fmt: on
"""Endings of pictures, and of archives of pictures, that are not read."""
SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
"""First bytes of the formats that are read, for files whose ending says nothing."""
NOT_THE_USERS = frozenset(
    {"__macosx", "@eadir", "#recycle", "$recycle.bin", "lost+found", "thumbs.db", "desktop.ini"}
)
"""Files and folders that operating systems add to folders; names with a leading dot are others."""
NAMED = 10
"""Most files that are named in the warnings; the others are counted."""


class Entry(NamedTuple):
    """A file of a folder or an archive."""

    name: str
    """Path in the folder or archive, with slashes."""
    open: Callable[[], IO[bytes]]
    version: str
    """Size and time, or checksum: changes with the content."""
    refusal: str = ""
    """Reason not to open it; empty for a regular file."""


class LeftOut(NamedTuple):
    """A file that is not used, and why."""

    name: str
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        detail = f": {self.detail}" if self.detail else ""
        return f"left out {readable(self.name)}: {self.reason}{detail}"


@contextmanager
def open_entries(root: Path) -> Iterator[Iterable[Entry]]:
    """List the files of a folder or a zip archive; they can be opened within the context.

    Raises:
        DataError: when there is neither, or it cannot be read.
    """
    try:
        if root.is_dir():
            yield folder_entries(root)
        elif root.is_file() and zipfile.is_zipfile(root):
            with zip_entries(root, Entry) as entries:
                yield entries
        else:
            found = "is no folder"
            if root.exists():
                found = "is neither a folder nor a zip file"
            raise DataError(
                f"{readable(str(root))} {found}: dataset.root must name a folder of pictures or a "
                "zip file of them, as in --set dataset.root=FOLDER (with none at hand, python "
                "studies/render_emoji.py FOLDER makes some)"
            )
    except OSError as error:
        raise DataError(f"{readable(str(root))} cannot be read: {error}") from None


def folder_entries(root: Path) -> Iterator[Entry]:
    """List the files of a folder, following links to other folders, each real folder once.

    Real folders come before links, so that a folder keeps its own name where a link leads to it.
    """
    visited: set[str] = set()
    links: list[tuple[Path, str]] = [(root, "")]
    around = [os.path.realpath(parent) for parent in Path(os.path.realpath(root)).parents]
    while links:
        start, prefix = links.pop(0)
        if os.path.realpath(start) in visited:
            continue
        pending = [(start, prefix)]
        while pending:
            folder, prefix = pending.pop()
            visited.add(os.path.realpath(folder))
            for child in sorted(folder.iterdir(), key=lambda path: os.fsencode(path.name)):
                name = f"{prefix}{child.name}"
                if is_hidden(child.name):
                    continue
                if child.is_symlink() and child.is_dir():
                    if os.path.realpath(child) not in around:
                        links.append((child, f"{name}/"))
                elif child.is_dir():
                    if os.path.realpath(child) not in visited:
                        pending.append((child, f"{name}/"))
                else:
                    yield _file_entry(child, name)


def _file_entry(path: Path, name: str) -> Entry:
    def read() -> IO[bytes]:
        return path.open("rb")

    try:
        found = path.stat()
    except OSError:
        return Entry(name, read, "", "a link that leads nowhere" if path.is_symlink() else "gone")
    version = f"{found.st_size} {found.st_mtime_ns}"
    return Entry(name, read, version, "" if path.is_file() else "no regular file")


def is_hidden(name: str) -> bool:
    """Return True for a file that the system, not the user, has put there."""
    return name.startswith(".") or name.lower() in NOT_THE_USERS


def pictures_among(entries: Iterable[Entry]) -> tuple[list[Entry], list[LeftOut]]:
    """Return the pictures, in an order that is the same on every machine, and those left out.

    Files of other kinds, such as texts, are ignored.
    """
    pictures, left_out = [], []
    for entry in entries:
        parts = entry.name.split("/")
        ending = os.path.splitext(parts[-1])[1].lower()
        if any(map(is_hidden, parts)):
            continue
        if ending in OTHER_PICTURES:
            left_out.append(LeftOut(entry.name, f"{ending} files are not read"))
        elif entry.refusal:
            if ending in ENDINGS:
                left_out.append(LeftOut(entry.name, entry.refusal))
        elif ending in ENDINGS or _looks_like_a_picture(entry):
            pictures.append(entry)
    return sorted(pictures, key=lambda entry: entry.name), left_out


def _looks_like_a_picture(entry: Entry) -> bool:
    """Return True for a file that begins like a picture, whatever its name."""
    try:
        with entry.open() as stream:
            begin = stream.read(12)
    except Exception:  # a damaged archive may raise any exception
        return False
    return begin.startswith(SIGNATURES) or (begin[:4] == b"RIFF" and begin[8:] == b"WEBP")


def warnings_of(left_out: Sequence[LeftOut]) -> tuple[str, ...]:
    """List the files that are left out: a few by name, more also by their number per reason."""
    lines = [str(one) for one in sorted(left_out)]
    if len(lines) <= NAMED:
        return tuple(lines)
    counts = Counter(one.reason for one in left_out).most_common()
    reasons = ", ".join(f"{count} {reason}" for reason, count in counts)
    more = f"and {len(lines) - NAMED} more"
    return (f"left out {len(lines)} files: {reasons}", *lines[:NAMED], more)


def readable(name: str) -> str:
    r"""Write bytes of a name that are no UTF-8 as \xe9, so that it can be printed."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
