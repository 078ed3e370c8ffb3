"""Folders of the user: cache and state, or private temporary ones where no home can be written.

Without a home, as for a user of a container that no `passwd` knows, platformdirs raises, or gives
`~/.cache` as it stands, which would become a folder `~` in the working directory.
"""

from __future__ import annotations

import logging
import os
import stat
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path, user_state_path

NAME = "gansearch"
_LOG = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder of what can be measured or fetched again; it need not exist."""
    return _writable(_of_user(user_cache_path), "cache")


def state_folder() -> Path:
    """Return the folder of what is remembered of this user's runs; it need not exist."""
    return _writable(_of_user(user_state_path), "state")


def fetched_folder(name: str) -> Path:
    """Return the folder of fetched data: the user's where it is there, even if only for reading."""
    fetched = _of_user(user_cache_path) / name
    return fetched if fetched.is_absolute() and fetched.is_dir() else cache_folder() / name


def _of_user(find: Callable[[str], Path]) -> Path:
    try:
        return find(NAME)
    except RuntimeError:  # the home is unknown
        return Path("~")


def _writable(folder: Path, kind: str) -> Path:
    if folder.is_absolute():
        place = folder
        while not place.exists() and place != place.parent:
            place = place.parent
        if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
            return folder
    return _temporary(folder, kind)


@cache  # said once
def _temporary(folder: Path, kind: str) -> Path:
    """Return a folder of the same name that only this user can enter."""
    place = Path(tempfile.gettempdir()) / f"{NAME}-{os.getuid()}"
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        found = place.lstat()
        # Others can make folders and links of this name there.
        own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
        if not own or stat.S_IMODE(found.st_mode) & 0o077:
            raise PermissionError
    except OSError:
        place = Path(tempfile.mkdtemp(prefix=f"{NAME}-"))
    _LOG.warning("%s cannot be written, so %s is used for the %s", folder, place / kind, kind)
    return place / kind
