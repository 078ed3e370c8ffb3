"""Environment variables that stand for options of the command line."""

from __future__ import annotations

import os
from pathlib import Path

RUNS = "GANSEARCH_RUNS"
"""Folder of the runs, instead of `./runs`."""
WORKERS = "GANSEARCH_WORKERS"
"""`--workers` of `gansearch run` and `resume`."""
STORAGE = "GANSEARCH_STORAGE"
"""`--storage` of new runs of `gansearch run`; all other commands read it from the run folder."""


def runs_folder() -> Path:
    """Return the folder in which runs are made, and looked up by the names of their studies."""
    return Path(os.environ.get(RUNS) or "runs").expanduser()
