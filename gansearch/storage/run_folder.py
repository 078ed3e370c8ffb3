"""Run folder: files that a study leaves on disk.

runs/<study>/study.yaml             the study with its defaults
             data.json              the identity of the data that all trials share
             study.db               trials, by Optuna on SQLite; the driver alone writes it
             identity               instead of study.db, if the trials are in a database by URL: a
                                    random text by which the database knows its studies
             run.log                what the driver decided, and why
             lock                   held by the driver while it runs
             trials/0007/           the files of a trial (see trial_folder)
             certification/0003/    the same of a run with a fresh seed
             champion/              the champion as a bundle, since there was one
             exports/trial-0007/    other trials as bundles
             tracking/              what trackers of the study keep on this machine
             notes.json             notes that people wrote in the dashboard
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import yaml
from filelock import FileLock, Timeout
from pydantic import ValidationError

from gansearch.errors import RunFolderError
from gansearch.files import write_atomically
from gansearch.storage.trial_folder import DATA, TrialFolder
from gansearch.study.data_identity import DataIdentity, identity_differences
from gansearch.study.spec import StudySpec
from gansearch.study.yaml_file import StudyDocument

STUDY, DATABASE, IDENTITY, LOG, LOCK = "study.yaml", "study.db", "identity", "run.log", "lock"
TRIALS, CERTIFICATION, NOTES = "trials", "certification", "notes.json"
CHAMPION, EXPORTS, TRACKING = "champion", "exports", "tracking"


class RunFolder:
    """The folder of one study."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()  # SQLite and its locks outlive a change of directory
        self._spec: StudySpec | None = None

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
            RunFolderError: if it holds another study, or other data; the message lists them.
        """
        folder = cls(path)
        if not (folder.path / STUDY).exists():
            (folder.path / TRIALS).mkdir(parents=True, exist_ok=True)
            return folder
        if not folder.has_begun:
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
            return DataIdentity.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise RunFolderError(f"{path} cannot be read: {error}") from None

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an existing folder.

        Args:
            path: the folder, or its study.yaml.

        Raises:
            RunFolderError: if it is not a run folder.
        """
        folder = cls(path.parent if path.name == STUDY and path.is_file() else path)
        if not (folder.path / STUDY).is_file():
            raise RunFolderError(f"{path} is not a run folder: it has no {STUDY}")
        return folder

    @property
    def has_begun(self) -> bool:
        """True if a database holds trials of it, or was about to."""
        return (self.path / DATABASE).exists() or (self.path / IDENTITY).exists()

    def spec(self) -> StudySpec:
        """Return the study as it was run last, parsed once."""
        if self._spec is None:
            self._spec = StudyDocument.read(self.path / STUDY).spec()
        return self._spec

    def write_study(self, spec: StudySpec, data: DataIdentity | None = None) -> None:
        """Keep the study, without passwords, and its data's identity.

        Call it with the lock held.
        """
        text = yaml.safe_dump(spec.resolved(), sort_keys=False, allow_unicode=True)
        write_atomically(self.path / STUDY, text.encode())
        self._spec = None
        if data is not None:
            write_atomically(self.path / DATA, data.model_dump_json(indent=1).encode())

    @property
    def study_file(self) -> Path:
        return self.path / STUDY

    def trial(self, number: int) -> TrialFolder:
        return TrialFolder(self.path / TRIALS / f"{number:04d}")

    def certification_run(self, number: int) -> TrialFolder:
        return TrialFolder(self.path / CERTIFICATION / f"{number:04d}")

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
        """Hold the folder; the lock ends with its process, however that ends.

        Raises:
            RunFolderError: if another process holds it.
        """
        try:
            with FileLock(self.path / LOCK, timeout=0):
                yield
        except Timeout:
            raise RunFolderError(f"another gansearch process works in {self.path}") from None

    def remove_trials(self) -> None:
        """Remove the files that a run leaves behind, and no others; call it with the lock held."""
        for name in (TRIALS, CERTIFICATION, CHAMPION, EXPORTS, TRACKING):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for name in (LOG, DATA, STUDY, NOTES):
            (self.path / name).unlink(missing_ok=True)
