"""Pictures of a trial as artifacts of the dashboard: samples, and curves, drawn when asked for."""

from __future__ import annotations

import io
import threading
import uuid
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from gansearch.errors import RunFolderError
from gansearch.signals import Verdict
from gansearch.storage.trial_folder import SIGNALS, VERDICT, TrialFolder

CURVES = "curves.png"
MAX_PICTURES = 12
"""Pictures of samples of a trial, evenly spread from the first to the last."""


class TrialArtifacts:
    """Artifact store of Optuna over the files of trials, for reading."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[TrialFolder, str]] = {}
        self._drawing = threading.Lock()

    def list(self, files: TrialFolder) -> Mapping[str, str]:
        """Return the artifacts of a trial: name by id."""
        grids = files.sample_grids()
        if len(grids) > MAX_PICTURES:
            last = len(grids) - 1
            grids = [grids[round(i * last / (MAX_PICTURES - 1))] for i in range(MAX_PICTURES)]
        names = [f"samples/{grid.name}" for grid in grids]
        if (files.path / SIGNALS).is_file():
            names.append(CURVES)
        found = {}
        for name in names:
            key = str(uuid.uuid5(uuid.NAMESPACE_URL, str(files.path / name)))
            self._places[key] = files, name
            found[key] = Path(name).name
        return found

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Open a picture.

        Raises:
            FileNotFoundError: if no trial that was listed has it.
        """
        if artifact_id not in self._places:
            raise FileNotFoundError(artifact_id)
        files, name = self._places[artifact_id]
        if name != CURVES:
            return (files.path / name).open("rb")
        with self._drawing:  # matplotlib is not made for threads
            changed = (files.path / SIGNALS).stat().st_mtime_ns
            return io.BytesIO(_curves(files.path, changed))

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        raise PermissionError("the files of a trial are written by its worker alone")

    def remove(self, artifact_id: str) -> None:
        raise PermissionError("the files of a trial are written by its worker alone")


@lru_cache(maxsize=200)
def _curves(path: Path, changed: int) -> bytes:
    """Draw the signals of a trial; `changed` tells when they were written."""
    # Imported here: matplotlib and pandas take 1.6 s of CPU.
    from gansearch.plots.curves import curves_figure

    files, content = TrialFolder(path), io.BytesIO()
    signals = files.signals()
    assert signals is not None, "the file was there a moment ago"
    figure = curves_figure(_title(path), signals, _verdict(path), files.predictions())
    figure.savefig(content, format="png", dpi=100)
    return content.getvalue()


def _title(path: Path) -> str:
    rescue = path.name == "rescue"
    number = int((path.parent if rescue else path).name)
    return f"trial {number}" + (", second training" if rescue else "")


def _verdict(path: Path) -> Verdict | None:
    try:
        return Verdict.from_json(TrialFolder(path).read_json(VERDICT))
    except (RunFolderError, ValueError, KeyError, TypeError):
        return None
