"""Trackers that a study asks for, opened for a search or a certification."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec

from gansearch.errors import GansearchError
from gansearch.export.trackers.listener import TrackerListener
from gansearch.export.trackers.tracker import Tracker
from gansearch.files import write_atomically
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_folder import TrialFolder
from gansearch.study.spec import TrackerName

HOW_TO_INSTALL: Mapping[TrackerName, str] = {
    "tensorboard": "pip install 'gansearch[tensorboard]'",
    "mlflow": "pip install 'gansearch[mlflow]'",
    "wandb": "pip install 'gansearch[wandb]'",
    "trackio": "pip install trackio, and then pip install 'pillow>=13'",
}
"""trackio is no extra: it asks for a Pillow with known advisories, but works with later ones."""


@contextmanager
def tracker_listeners(
    folder: RunFolder, kind: str, folder_of: Callable[[int], TrialFolder]
) -> Iterator[list[TrackerListener]]:
    """Open the trackers of a run's study, and close them in the end.

    Args:
        folder: the run folder, its study written.
        kind: first part of the names of trainings, `trial` or `certification`.
        folder_of: returns the folder of a training by its number.

    Raises:
        GansearchError: if a library is missing, or a tracker cannot be opened.
    """
    with ExitStack() as opened:
        listeners = []
        for name in folder.spec().trackers:
            if find_spec(name) is None:
                raise GansearchError(f"trackers: {name} is not installed; {HOW_TO_INSTALL[name]}")
            try:
                listener = TrackerListener(_open(name, folder), kind, folder_of)
            except Exception as error:  # of a library, its server or the disk
                raise GansearchError(
                    f"trackers: cannot open {name}: {type(error).__name__}: {error}"
                ) from error
            opened.callback(listener.close)
            listeners.append(listener)
        yield listeners


def _open(name: TrackerName, folder: RunFolder) -> Tracker:
    """Open a tracker. Libraries that an environment variable does not send elsewhere write here."""
    study, place = folder.spec().name, folder.tracking
    place.mkdir(exist_ok=True)
    if name == "tensorboard":
        from gansearch.export.trackers.tensorboard_tracker import TensorBoardTracker

        return TensorBoardTracker(place / name)
    if name == "mlflow":
        from gansearch.export.trackers.mlflow_tracker import MLflowTracker

        if uri := os.environ.get("MLFLOW_TRACKING_URI"):
            return MLflowTracker(study, _identity(folder), uri, None)
        uri = f"sqlite:///{place / 'mlflow.db'}"
        return MLflowTracker(study, _identity(folder), uri, place / "mlflow")
    from gansearch.export.trackers.wandb_tracker import WandbTracker

    return WandbTracker(name, study, _identity(folder), str(place))


def _identity(folder: RunFolder) -> str:
    """Return a random text by which a tracker knows the runs of this folder."""
    path = folder.tracking / "identity"
    if not path.is_file():
        write_atomically(path, secrets.token_hex(4).encode())
    return path.read_text(encoding="utf-8")
