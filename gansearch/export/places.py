"""Studies and candidates without the places of this machine, for whoever gets them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gansearch.study.spec import StudySpec


def shared_study(spec: StudySpec) -> dict[str, Any]:
    """Return a study as plain data, without the places of its files, database and cluster."""
    study = spec.resolved()
    for role in ("dataset", "extractor"):
        if study[role] is not None:
            study[role] = without_folders(study[role])
    if study["teacher"] is not None:
        study["teacher"] = without_folders(study["teacher"])
    study["storage"] = None
    study["executor"] |= {"address": None, "storage_path": None}
    return study


def without_folders(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with the last part of each absolute path alone.

    >>> without_folders({"use": "folder", "root": "/data/pictures", "height": 64})
    {'use': 'folder', 'root': 'pictures', 'height': 64}
    """
    return {
        name: Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value
        for name, value in fields.items()
    }
