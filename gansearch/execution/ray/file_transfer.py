"""Transfer of trials' files over an object store, from nodes that do not share the run folder.

Each job has a prefix in the store. The driver uploads under it what the job needs of the run
folder. The job's slot downloads that into a folder on its node, in which the trial keeps its files,
and uploads them whenever the trial has written a checkpoint, and at its end. The driver downloads
them into the run folder.

Each upload is one object: an archive named by its number and its sha256. An incomplete upload never
counts, on object stores and file systems alike, and the last complete one stays until the next is.
"""

from __future__ import annotations

import functools
import hashlib
import io
import logging
import os
import re
import tempfile
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow.fs import FileSelector, FileSystem

from gansearch.errors import FileTransferError
from gansearch.files import is_machine_error, passing_folder, write_atomically
from gansearch.messages import Channel, Crash, Decision, Ending, Evaluate, Job, Outcome

PREFIX = "gansearch-trial-"
INPUTS, OUTPUTS = "inputs", "outputs"
"""Files that a job needs, and files that it leaves."""
TRIAL, RESUMED = "trial", "resumed"
"""Folders of a job on its node."""
CHECKPOINT, NETWORKS = "checkpoint.pt", "*.pt"
MARKER = ".object-store-prefix"
"""File in a trial's folder that names its prefix, as long as its files are in the store."""
JOB_PREFIX = re.compile(r"/gansearch-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9]+")
"""Prefix of a job: the executor's random name, and the job's number."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ObjectStoreTransfer:
    """A prefix in an object store.

    All methods but `remove` raise a `FileTransferError` with URL and cause when the store fails.
    """

    url: str
    """URL of the store, as `pyarrow.fs.FileSystem.from_uri` takes it."""
    prefix: str = ""
    """Path below the URL's."""

    def at(self, name: str) -> ObjectStoreTransfer:
        """Return a prefix below this one."""
        return replace(self, prefix=f"{self.prefix}/{name}")

    def of_job(self, job: int) -> ObjectStoreTransfer:
        """Return the prefix of a job."""
        return replace(self, prefix=f"{self.prefix}-{job}")

    def check(self) -> None:
        """Upload, download and remove an empty archive."""
        trial = self.at(f"{PREFIX}{uuid.uuid4()}")
        trial.upload({})
        try:
            with tempfile.TemporaryDirectory() as folder:
                if not trial.download(Path(folder)):
                    raise FileTransferError(f"{self.url}: what was written there is not found")
        finally:
            trial.remove()

    def upload(self, files: Mapping[str, Path]) -> None:
        """Upload files by name in place of those that were uploaded before."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, file in files.items():
                # The trial may have removed it meanwhile.
                with suppress(FileNotFoundError):
                    archive.writestr(name, file.read_bytes())
        content = packed.getvalue()
        with self._opened() as (store, folder):
            before = _archives(store, folder)
            number = 1 + max((int(PurePosixPath(path).name[:6]) for path in before), default=0)
            store.create_dir(folder, recursive=True)
            path = f"{folder}/{number:06d}-{hashlib.sha256(content).hexdigest()}.zip"
            with store.open_output_stream(path, compression=None) as stream:
                stream.write(content)
            for superseded in before:
                store.delete_file(superseded)

    def download(self, folder: Path) -> bool:
        """Download the last whole upload into a folder; return False where there is none."""
        with self._opened() as (store, place):
            contents = (_read_whole(store, path) for path in _archives(store, place))
            content = next((content for content in contents if content), None)
        if content is None:
            return False
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for name in packed.namelist():
                with open(packed.extract(name, folder), "rb") as file:
                    os.fsync(file.fileno())
        return True

    def remove(self) -> None:
        """Remove all uploads; those that cannot be removed stay."""
        with suppress(FileTransferError), self._opened() as (store, folder):
            store.delete_dir(folder)

    @contextmanager
    def _opened(self) -> Iterator[tuple[FileSystem, str]]:
        """Give the store, and the path of this prefix in it."""
        try:
            store, root = _file_system(self.url)
            yield store, f"{root.rstrip('/')}{self.prefix}"
        except (OSError, pa.ArrowException) as error:
            raise FileTransferError(f"{self.url}: {str(error).partition(chr(10))[0]}") from error


@functools.cache
def _file_system(url: str) -> tuple[FileSystem, str]:
    store, root = FileSystem.from_uri(url)
    return store, root


def _archives(store: FileSystem, folder: str) -> list[str]:
    """Return the paths of all archives in a folder, the last one first."""
    found = store.get_file_info(FileSelector(folder, allow_not_found=True))
    return sorted((info.path for info in found if info.path.endswith(".zip")), reverse=True)


def _read_whole(store: FileSystem, path: str) -> bytes | None:
    """Return the content of an archive; None when its hash is not that of its name."""
    with store.open_input_file(path) as file:
        content: bytes = file.read()
    if hashlib.sha256(content).hexdigest() != PurePosixPath(path).stem[7:]:
        return None
    return content


def _files_of(folder: Path, pattern: str = "**/*", name: str = "") -> dict[str, Path]:
    """Return the files of a folder by their names under `name`, without those being written."""
    found = (
        path for path in folder.glob(pattern) if path.is_file() and not path.name.startswith(".")
    )
    return {str(PurePosixPath(name, *path.relative_to(folder).parts)): path for path in found}


# --------------------------------------------------------------------------------------------------
# In the driver


def upload_inputs(transfer: ObjectStoreTransfer, job: Job) -> None:
    """Upload what a job needs of the run folder.

    Raises:
        FileTransferError: when the store fails.
    """
    if job.resume_from is not None:
        # Files of an earlier job whose driver was killed before it downloaded them.
        for marker in job.resume_from.rglob(MARKER):
            _take_over(transfer, marker)
    # Only now: a trial that is resumed may be resumed from its own folder.
    write_atomically(job.folder / MARKER, transfer.prefix.encode())
    if job.resume_from is None:
        return
    if files := _files_of(job.resume_from, NETWORKS, RESUMED):
        transfer.at(INPUTS).upload(files)


def _take_over(transfer: ObjectStoreTransfer, marker: Path) -> None:
    """Download the files of an earlier job that a marker names, and remove the marker.

    A run folder may come from anybody, so a marker is believed only where it is the name of a job,
    which leads to no other place of the store.
    """
    try:
        prefix = marker.read_text(encoding="ascii")
    except ValueError:
        prefix = ""
    if JOB_PREFIX.fullmatch(prefix):
        _download_outputs(replace(transfer, prefix=prefix), marker.parent)
    else:
        log.warning("%s is ignored: it is not the name of a job", marker)
        marker.unlink()


def download_outputs(transfer: ObjectStoreTransfer, job: Job, ending: Ending) -> Ending:
    """Download a job's files into the run folder.

    Returns:
        The ending, or a crash where the files are lost.
    """
    try:
        if not _download_outputs(transfer, job.folder) and not isinstance(ending, Crash):
            return Crash("died", f"{transfer.url}: its files are not there")
        if isinstance(ending, Outcome) and ending.decision is not Decision.PAUSE:
            # The trial has removed its own on its node; this is the one that it was resumed from.
            (job.folder / CHECKPOINT).unlink(missing_ok=True)
        return ending
    except (FileTransferError, OSError) as error:
        if isinstance(ending, Crash):
            return ending
        return Crash("machine" if is_machine_error(error, job.folder) else "died", str(error))


def _download_outputs(transfer: ObjectStoreTransfer, folder: Path) -> bool:
    """Move the outputs under a prefix into the run folder; return False where there are none."""
    found = transfer.at(OUTPUTS).download(folder)
    (folder / MARKER).unlink(missing_ok=True)
    transfer.remove()
    return found


# --------------------------------------------------------------------------------------------------
# On a node


@dataclass(frozen=True)
class NodeEvaluate:
    """An `Evaluate` whose trials keep their files in the folder that `node_folder` makes."""

    evaluate: Evaluate
    transfer: ObjectStoreTransfer

    @property
    def components(self) -> Sequence[object]:
        """Components that all trials share."""
        return getattr(self.evaluate, "components", ())

    def __call__(self, job: Job, channel: Channel) -> Outcome:
        """Train and judge the job's candidate.

        Raises:
            StoppedError: from `channel`, with a checkpoint written.
        """
        folder = Path(tempfile.gettempdir(), f"{PREFIX}{_name(self.transfer)}")
        resumed = None if job.resume_from is None else folder / RESUMED
        return self.evaluate(replace(job, folder=folder / TRIAL, resume_from=resumed), channel)


Upload = Callable[[bool], None]
"""Function that uploads a trial's files if its checkpoint is new; with True in any case."""


@contextmanager
def node_folder(transfer: ObjectStoreTransfer) -> Iterator[Upload]:
    """Make a folder on this node with the inputs of a job; it is removed when the job has ended.

    Raises:
        FileTransferError: when the store fails, also from the function that this gives.
    """
    uploaded = 0

    def upload(last: bool) -> None:
        nonlocal uploaded
        try:
            written = (folder / TRIAL / CHECKPOINT).stat().st_mtime_ns
        except FileNotFoundError:
            written = 0
        if last or written > uploaded:
            transfer.at(OUTPUTS).upload(_files_of(folder / TRIAL))
            uploaded = written

    with passing_folder(Path(tempfile.gettempdir()), PREFIX, _name(transfer)) as folder:
        (folder / TRIAL).mkdir()
        transfer.at(INPUTS).download(folder)
        yield upload


def _name(transfer: ObjectStoreTransfer) -> str:
    return transfer.prefix.strip("/").replace("/", "-")
