"""A depot: storage by URL over which the files of trials reach the run folder from nodes that do not share it.

Each job has a shelf there. The driver lays on it what the job needs of the run folder; its slot fetches that into
a folder of the node's own, in which the trial keeps its files. It brings them to the shelf whenever the trial has
written a checkpoint, and in the end, and the driver fetches them into the run folder.

What is brought is one object, an archive named by its number and its sha256. So a part of one never counts, on
object stores and file systems alike, and the last one that came whole is there until the next one is.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import tempfile
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow.fs import FileSelector, FileSystem

from gansearch.errors import FileTransferError
from gansearch.files import passing_folder
from gansearch.messages import Channel, Crash, Ending, Evaluate, Job, Outcome

PREFIX = "gansearch-trial-"
THERE, BACK = "there", "back"
"""What a job needs, and what it leaves."""
TRIAL, RESUMED = "trial", "resumed"
"""On a node, the folders for which a job asks."""
CHECKPOINT, NETWORKS = "checkpoint.pt", "*.pt"
NOTE = ".depot"
"""In a trial's folder as long as its files are on a shelf: which one it is."""


@dataclass(frozen=True)
class ObjectStoreTransfer:
    """A place in a storage.

    All but `remove` raise a `FileTransferError` that names URL and cause when the storage does not do as it should.
    """

    url: str
    """As `pyarrow.fs.FileSystem.from_uri` takes it."""
    below: str = ""
    """The path of the place below the URL's."""

    def at(self, name: str) -> ObjectStoreTransfer:
        """A place below this one."""
        return replace(self, below=f"{self.below}/{name}")

    def check(self) -> None:
        """Find out whether files can be brought there and back."""
        place = self.at(f"{PREFIX}{uuid.uuid4()}")
        place.send({})
        try:
            with tempfile.TemporaryDirectory() as folder:
                if not place.fetch(Path(folder)):
                    raise FileTransferError(f"{self.url}: what was written there is not found")
        finally:
            place.remove()

    def send(self, files: Mapping[str, Path]) -> None:
        """Bring files, under their names, in place of those that were brought before."""
        archive = _packed(files)
        with self._reached() as (storage, place):
            before = _archives(storage, place)
            number = 1 + max((int(PurePosixPath(path).name[:6]) for path in before), default=0)
            storage.create_dir(place, recursive=True)
            name = f"{number:06d}-{hashlib.sha256(archive).hexdigest()}.zip"
            with storage.open_output_stream(f"{place}/{name}", compression=None) as stream:
                stream.write(archive)
            for path in before:
                storage.delete_file(path)

    def fetch(self, folder: Path) -> bool:
        """Take the files that were last brought as a whole into a folder; whether there are any."""
        with self._reached() as (storage, place):
            archive = next(
                (whole for path in _archives(storage, place) if (whole := _read(storage, path))),
                None,
            )
        if archive is not None:
            _unpack(archive, folder)
        return archive is not None

    def remove(self) -> None:
        """Remove all that is there; what cannot be removed stays."""
        with suppress(FileTransferError), self._reached() as (storage, place):
            storage.delete_dir(place)

    @contextmanager
    def _reached(self) -> Iterator[tuple[FileSystem, str]]:
        """The storage, and the path of this place in it."""
        try:
            storage, root = _opened(self.url)
            yield storage, f"{root.rstrip('/')}{self.below}"
        except (OSError, pa.ArrowException) as error:
            raise FileTransferError(f"{self.url}: {str(error).partition(chr(10))[0]}") from error


@functools.cache
def _opened(url: str) -> tuple[FileSystem, str]:
    storage, root = FileSystem.from_uri(url)
    return storage, root


def _archives(storage: FileSystem, place: str) -> list[str]:
    """The paths of all that was brought to a place, the last one first."""
    found = storage.get_file_info(FileSelector(place, allow_not_found=True))
    return sorted((info.path for info in found if info.path.endswith(".zip")), reverse=True)


def _read(storage: FileSystem, path: str) -> bytes | None:
    """An archive; None if it is not whole."""
    with storage.open_input_file(path) as file:
        archive: bytes = file.read()
    return archive if hashlib.sha256(archive).hexdigest() == PurePosixPath(path).stem[7:] else None


def _packed(files: Mapping[str, Path]) -> bytes:
    """An archive of files, without those that are gone by now."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, path in files.items():
            with suppress(FileNotFoundError):
                archive.writestr(name, path.read_bytes())
    return packed.getvalue()


def _unpack(content: bytes, folder: Path) -> None:
    """Write the files of an archive, and do not return before they are safe."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            with open(archive.extract(name, folder), "rb") as file:
                os.fsync(file.fileno())


def _files_of(folder: Path, pattern: str = "**/*", name: str = "") -> dict[str, Path]:
    """The files of a folder, but for those that are being written, under their names in another one."""
    found = (
        path for path in folder.glob(pattern) if path.is_file() and not path.name.startswith(".")
    )
    return {str(PurePosixPath(name, *path.relative_to(folder).parts)): path for path in found}


# --------------------------------------------------------------------------------------------------
# In the driver


def dispatch(shelf: ObjectStoreTransfer, job: Job) -> None:
    """Lay on a job's shelf what it needs of the run folder.

    Raises:
        DepotError: when the storage does not take it.
    """
    (job.folder / NOTE).write_text(shelf.below)
    needed: dict[str, Path] = {}
    if job.resume_from is not None:
        for note in job.resume_from.rglob(NOTE):  # the driver of that trial was killed
            _collect(replace(shelf, below=note.read_text()), note.parent)
        needed |= _files_of(job.resume_from, NETWORKS, RESUMED)
    if needed:
        shelf.at(THERE).send(needed)


def received(shelf: ObjectStoreTransfer, job: Job, ending: Ending) -> Ending:
    """How a job has ended, once its files are in the run folder; where they cannot be had it has died."""
    try:
        if _collect(shelf, job.folder) or isinstance(ending, Crash):
            return ending
        return Crash("died", f"{shelf.url}: its files are not there")
    except (FileTransferError, OSError) as error:
        return ending if isinstance(ending, Crash) else Crash("died", str(error))


def _collect(shelf: ObjectStoreTransfer, folder: Path) -> bool:
    """Take what was brought to a shelf into the run folder, and clear the shelf; whether there was anything."""
    found = shelf.at(BACK).fetch(folder)
    (folder / NOTE).unlink(missing_ok=True)
    shelf.remove()
    return found


# --------------------------------------------------------------------------------------------------
# On a node


@dataclass(frozen=True)
class Elsewhere:
    """An `Evaluate` whose trials keep their files in the folder that `at_node` gives them."""

    evaluate: Evaluate
    shelf: ObjectStoreTransfer

    def __call__(self, job: Job, line: Channel) -> Outcome:
        """Train and judge.

        Raises:
            StoppedError: from `line`, with a checkpoint written.
        """
        here = Path(tempfile.gettempdir(), f"{PREFIX}{_name(self.shelf)}")
        resumed = None if job.resume_from is None else here / RESUMED
        return self.evaluate(replace(job, folder=here / TRIAL, resume_from=resumed), line)


Keep = Callable[[bool], None]
"""Brings a trial's files to its shelf if it has written a checkpoint; with True in any case."""


@contextmanager
def at_node(shelf: ObjectStoreTransfer) -> Iterator[Keep]:
    """A folder of this node's own for a job, with what it needs, until it has ended.

    Raises:
        DepotError: when the storage does not do as it should; so does what this gives.
    """
    brought = 0

    def keep(last: bool) -> None:
        nonlocal brought
        written = _time_of(here / TRIAL / CHECKPOINT)
        if last or written > brought:
            shelf.at(BACK).send(_files_of(here / TRIAL))
            brought = written

    with passing_folder(Path(tempfile.gettempdir()), PREFIX, _name(shelf)) as here:
        (here / TRIAL).mkdir()
        shelf.at(THERE).fetch(here)
        yield keep


def _time_of(file: Path) -> int:
    """When a file was written, in nanoseconds; 0 if it is not there."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _name(shelf: ObjectStoreTransfer) -> str:
    return shelf.below.strip("/").replace("/", "-")
