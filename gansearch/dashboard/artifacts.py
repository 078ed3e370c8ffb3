"""Pictures of a trial as artifacts of the dashboard: samples, and curves, drawn when asked for."""

from __future__ import annotations

import io
import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
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
    rescued = path.name == "rescue"
    title = f"trial {int((path.parent if rescued else path).name)}"
    if rescued:
        title += ", second training"
    verdict = None
    with suppress(RunFolderError, ValueError, KeyError, TypeError):
        verdict = Verdict.from_json(files.read_json(VERDICT))
    figure = curves_figure(title, signals, verdict, files.predictions())
    figure.savefig(content, format="png", dpi=100)
    return content.getvalue()
