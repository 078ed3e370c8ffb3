"""Mark of a run folder, and the marks that this user trusts.

A folder is a run folder because it holds the mark `gansearch.json`, which a run has written, and
not for a `study.yaml` that anybody may keep. The mark has the digest of the run's study.yaml, so
that damage is noticed. The same is kept in the user's state folder for every run of the user's own.
A run folder of somebody else, or one whose study.yaml was changed, is not known there: what its
study names (a cluster, a database, files) is not used before the user has agreed.
"""

from __future__ import annotations

import hashlib
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gansearch.errors import RunFolderError
from gansearch.files import write_atomically
from gansearch.user_folders import state_folder

MARK = "gansearch.json"
LARGEST_MARK = 10_000
"""Bytes; a larger file is no mark of ours."""


class RunMark(BaseModel):
    """Content of the mark."""

    model_config = ConfigDict(frozen=True)

    gansearch_run: Literal[1] = 1
    """Version of the run folder."""
    id: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    study_sha256: tuple[str, ...] = ()
    """Digests of study.yaml: of the last one, and of the one before, which a killed process may
    have left in place."""

    @classmethod
    def new(cls) -> RunMark:
        return cls(id=uuid.uuid4().hex)

    @classmethod
    def read(cls, folder: Path) -> RunMark | None:
        """Return the mark of a folder; None if it has none.

        Raises:
            RunFolderError: if it is damaged.
        """
        path = folder / MARK
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST_MARK)
            return cls.model_validate_json(content)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValidationError) as error:
            why = str(error).partition("\n")[0]
            raise RunFolderError(f"{path} is damaged, or no run has written it: {why}") from None

    def of_study(self, content: bytes) -> RunMark:
        """Return the mark with the digest of a new study.yaml."""
        digests = dict.fromkeys([study_digest(content), *self.study_sha256])
        return self.model_copy(update={"study_sha256": tuple(digests)[:2]})

    def write(self, folder: Path) -> None:
        """Write it into a run folder."""
        write_atomically(folder / MARK, self.model_dump_json(indent=1).encode() + b"\n")

    def trust(self) -> None:
        """Remember the run as one that this user trusts, unless there is no place for that."""
        with suppress(OSError):
            place = _state_folder()
            place.mkdir(parents=True, exist_ok=True)
            write_atomically(place / self.id, self.model_dump_json().encode())

    @property
    def trusted_digests(self) -> tuple[str, ...]:
        """Digests of the study.yaml that this user trusts; empty for a run of somebody else."""
        with suppress(OSError, ValidationError):
            content = (_state_folder() / self.id).read_bytes()
            return RunMark.model_validate_json(content).study_sha256
        return ()


def study_digest(content: bytes) -> str:
    """Return the digest of a study.yaml as the mark has it."""
    return hashlib.sha256(content).hexdigest()


def _state_folder() -> Path:
    return state_folder() / "runs"
