"""Run folder: files that a study leaves on disk.

runs/<study>/gansearch.json         the mark of a run folder (see run_mark)
             study.yaml             the study with its defaults
             data.json              the identity of the data that all trials share
             prior.json             what earlier runs tell of its candidates, with `search.prior`
             study.db               trials, by Optuna on SQLite; the driver alone writes it
             identity               instead of study.db, if the trials are in a database by URL: a
                                    random text by which the database knows its studies
             run.log                what the driver decided, and why
             lock                   held by the driver while it runs
             trials/0007/           the files of a trial (see trial_folder)
             certification/0003/    the same of a run with a fresh seed
             teacher/               the study's teacher, if it has one (see study/teacher_files)
             champion/              the champion as a bundle, since there was one
             exports/trial-0007/    other trials as bundles
             tracking/              what trackers of the study keep on this machine
             notes.json             notes that people wrote in the dashboard
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import yaml
from filelock import FileLock, Timeout

from gansearch.component_file import file_references
from gansearch.errors import RunFolderError
from gansearch.files import (
    TEMPORARY,
    LinkError,
    json_with_digest,
    load_json_with_digest,
    refuse_links,
    write_atomically,
)
from gansearch.storage.run_mark import MARK, RunMark, study_digest
from gansearch.storage.trial_folder import DATA, TrialFolder
from gansearch.study.data_identity import DataIdentity, identity_differences
from gansearch.study.spec import StudySpec
from gansearch.study.teacher_spec import DISCRIMINATOR, GENERATOR, RECORD
from gansearch.study.teacher_spec import FOLDER as TEACHER
from gansearch.study.yaml_file import StudyDocument

STUDY, DATABASE, IDENTITY, LOG, LOCK = "study.yaml", "study.db", "identity", "run.log", "lock"
TRIALS, CERTIFICATION, NOTES = "trials", "certification", "notes.json"
PRIOR = "prior.json"
CHAMPION, EXPORTS, TRACKING = "champion", "exports", "tracking"
OWN = (
    *(MARK, STUDY, DATA, DATABASE, IDENTITY, LOG, LOCK, NOTES, PRIOR),
    *(TRIALS, CERTIFICATION, TEACHER, CHAMPION, EXPORTS, TRACKING),
    *(f"{DATABASE}-{ending}" for ending in ("wal", "shm", "journal")),
)
"""Entries of a run folder that a run makes."""
TRACKED = ("identity", "tensorboard", "mlflow", "mlflow.db", "wandb")
"""Entries that trackers make."""
BUNDLE_MANIFEST = "bundle.json"
LARGEST_MANIFEST = 1_000_000
"""Bytes."""


class RunFolder:
    """The folder of one study."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()  # SQLite and its locks outlive a change of directory
        self._spec: StudySpec | None = None
        self._damage: dict[str, None] = {}

    @classmethod
    def create(
        cls,
        path: Path,
        spec: StudySpec,
        data: DataIdentity | None = None,
        location: Collection[str] = (),
    ) -> Self:
        """Return the folder for a study: a new one, or one in which the same study was begun.

        Nothing of an existing folder is written before `write_study`, which needs the lock.

        Args:
            path: the folder.
            spec: the study.
            data: identity of its data, compared with that of earlier trials.
            location: keys of the study that may differ, since they only name the place of a file.

        Raises:
            RunFolderError: if it holds another study, or other data, and the message lists the
                differences; or if it holds files, and no run has made it.
        """
        folder = cls(path)
        folder.refuse_foreign()
        folder.path.mkdir(parents=True, exist_ok=True)
        if not ((folder.path / STUDY).exists() and folder.has_begun):
            return folder
        otherwise = "Give this study another name or --out, or begin anew with --fresh."
        if differences := identity_differences(folder.spec(), spec, location):
            listing = "\n  ".join(differences)
            raise RunFolderError(
                f"{path} holds a study that differs from this one:\n  {listing}\n{otherwise}"
            )
        known = folder.data()
        if data is not None and known is not None and data.digest != known.digest:
            raise RunFolderError(
                f"the data differ from those of the trials in {path}, so their figures cannot be "
                f"compared:\n  there: {known}\n  now:   {data}\n"
                f"Restore the data, or name their place by --set. {otherwise}"
            )
        return folder

    def data(self) -> DataIdentity | None:
        """Return the identity of the data that the trials were trained on, if it is known.

        Raises:
            RunFolderError: if its file is damaged.
        """
        path = self.path / DATA
        if not path.is_file():
            return None
        try:
            return DataIdentity.model_validate(load_json_with_digest(path.read_bytes()))
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{path} cannot be read: {error}") from None

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an existing folder.

        Args:
            path: the folder, or its study.yaml.

        Raises:
            RunFolderError: if it is not a run folder, or its mark is damaged.
        """
        folder = cls(path.parent if path.name == STUDY and path.is_file() else path)
        folder._refuse_links()
        for name in (MARK, STUDY):
            if not (folder.path / name).is_file():
                raise RunFolderError(f"{path} is not a run folder: it has no {name}")
        RunMark.read(folder.path)
        return folder

    def refuse_foreign(self) -> None:
        """Refuse a folder with files that no run has made, or with links to other places.

        Raises:
            RunFolderError: naming it.
        """
        self._refuse_links()
        if RunMark.read(self.path) is not None or not self.path.exists():
            return
        others = sorted(entry.name for entry in self.path.iterdir() if entry.name != LOCK)
        if others or ((self.path / LOCK).exists() and (self.path / LOCK).stat().st_size):
            listed = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
            raise RunFolderError(
                f"{self.path} is not a run folder: it has no {MARK}, and holds files that no run "
                f"has made ({listed or LOCK}). Name a new or an empty folder with --out."
            )

    def _refuse_links(self) -> None:
        try:
            refuse_links(self.path, OWN)
        except LinkError as error:
            raise RunFolderError(str(error)) from None
        except NotADirectoryError:
            raise RunFolderError(f"{self.path} is not a folder") from None

    @property
    def has_begun(self) -> bool:
        """True if a database holds trials of it, or was about to."""
        return (self.path / DATABASE).exists() or (self.path / IDENTITY).exists()

    def spec(self) -> StudySpec:
        """Return the study as it was run last, parsed once.

        Raises:
            RunFolderError: if its file is not as the run has written it, or would have a class of a
                file imported and was made by somebody else.
            StudyError: if it is no study.
        """
        if self._spec is None:
            mark = RunMark.read(self.path)
            if mark is not None and mark.study_sha256 and self._digest() not in mark.study_sha256:
                raise RunFolderError(
                    f"{self.study_file} is not as the run has written it: it is damaged, or was "
                    f"edited. If you have edited it: gansearch trust {self.path}"
                )
            document = StudyDocument.read(self.study_file)
            reference = next(file_references(document.tree), None)
            if reference is not None and not self.is_trusted:
                raise RunFolderError(
                    f"{self.study_file} names a class of a file, {reference}, and was not made "
                    f"here; if you know that file: gansearch trust {self.path}"
                )
            self._spec = document.spec()
        return self._spec

    def write_study(self, spec: StudySpec, data: DataIdentity | None = None) -> None:
        """Keep the study, without passwords, and its data's identity.

        Call it with the lock held.
        """
        text = yaml.safe_dump(spec.resolved(), sort_keys=False, allow_unicode=True)
        self._mark(text.encode())
        write_atomically(self.study_file, text.encode())
        self._spec = None
        if data is not None:
            record = json_with_digest(data.model_dump(mode="json"))
            write_atomically(self.path / DATA, record)

    def keep_teacher(self, files: Mapping[str, bytes]) -> None:
        """Keep a copy of the study's teacher, so that the run does not need the place it is from.

        Call it with the lock held.

        Args:
            files: its files by name, of which the last one makes it whole.
        """
        folder = self.path / TEACHER
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            write_atomically(folder / name, content)

    def keep_prior(self, content: bytes) -> None:
        """Keep what earlier runs tell of the study's candidates, before its first trial.

        Call it with the lock held.
        """
        write_atomically(self.path / PRIOR, content)

    def _mark(self, study: bytes) -> None:
        """Write the mark for a study.yaml, and trust it."""
        mark = (RunMark.read(self.path) or RunMark.new()).of_study(study)
        mark.write(self.path)
        mark.trust()

    @property
    def is_trusted(self) -> bool:
        """True if this user has made the study here, or has agreed to it, and it is the same."""
        mark = RunMark.read(self.path)
        return mark is not None and self._digest() in mark.trusted_digests

    def trust(self) -> None:
        """Accept the study as it stands in the folder."""
        self._mark(self.study_file.read_bytes())
        self._spec = None

    def _digest(self) -> str:
        try:
            return study_digest(self.study_file.read_bytes())
        except OSError as error:
            raise RunFolderError(f"cannot read {self.study_file}: {error.strerror}") from None

    @property
    def damage(self) -> list[str]:
        """Parts that were found damaged and left out, each as a message."""
        return list(self._damage)

    def note_damage(self, message: str) -> None:
        """Note a part that is left out because it is damaged."""
        self._damage[message] = None

    @property
    def study_file(self) -> Path:
        return self.path / STUDY

    def trial(self, number: int) -> TrialFolder:
        """Return the folder of a trial.

        Raises:
            RunFolderError: if something in it leads to another place.
        """
        return self._trial_folder(TRIALS, number)

    def certification_run(self, number: int) -> TrialFolder:
        """Return the folder of a run of the certification; see `trial`."""
        return self._trial_folder(CERTIFICATION, number)

    def _trial_folder(self, kind: str, number: int) -> TrialFolder:
        folder = self.path / kind / f"{number:04d}"
        try:
            refuse_links(self.path, (kind, f"{kind}/{number:04d}"))
            refuse_links(folder)
        except LinkError as error:
            raise RunFolderError(str(error)) from None
        return TrialFolder(folder)

    @property
    def champion(self) -> Path:
        """Folder of the champion's bundle."""
        return self.path / CHAMPION

    def bundle(self, number: int) -> Path:
        """Return the folder of a trial's bundle."""
        return self.path / EXPORTS / f"trial-{number:04d}"

    @property
    def tracking(self) -> Path:
        """Folder of what trackers keep on this machine."""
        return self.path / TRACKING

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, made if need be; the lock ends with its process, however that ends.

        Raises:
            RunFolderError: if another process holds it, or no run has made it.
        """
        self.refuse_foreign()
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.path / LOCK, timeout=0):
                yield
        except Timeout:
            raise RunFolderError(f"another gansearch process is at work in {self.path}") from None

    def remove_trials(self) -> None:
        """Remove the files that a run has made, and no others; call it with the lock held."""
        self.refuse_foreign()
        for kind in (TRIALS, CERTIFICATION):
            for trial in (self.path / kind).glob("[0-9]" * 4 + "*"):
                if trial.name.isdigit() and trial.is_dir() and not trial.is_symlink():
                    TrialFolder(trial).remove()
        for bundle in (self.champion, *(self.path / EXPORTS).glob("trial-*")):
            if not bundle.is_symlink():
                _remove_bundle(bundle)
        if not self.tracking.is_symlink():
            for name in TRACKED:
                _remove(self.tracking / name)
        if not (self.path / TEACHER).is_symlink():
            for name in (RECORD, GENERATOR, DISCRIMINATOR):
                (self.path / TEACHER / name).unlink(missing_ok=True)
        for name in (TRIALS, CERTIFICATION, TEACHER, EXPORTS, TRACKING):
            with suppress(OSError):  # where it holds something else too
                (self.path / name).rmdir()
        own = (self.path / name for name in (LOG, DATA, STUDY, NOTES, PRIOR))
        # A killed process leaves the files that it was writing.
        for path in (*own, *self.path.glob(f"{TEMPORARY}*")):
            path.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    """Remove a file, a link or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _remove_bundle(folder: Path) -> None:
    """Remove the files that a bundle's manifest lists."""
    manifest = folder / BUNDLE_MANIFEST
    try:
        with manifest.open("rb") as file:
            names = json.loads(file.read(LARGEST_MANIFEST))["files"]
        listed = [str(name) for name in (*names, manifest.name)]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return
    for name in listed:
        path = folder / name
        if name == path.name and "\0" not in name and (path.is_symlink() or path.is_file()):
            path.unlink()
    with suppress(OSError):
        folder.rmdir()
