"""Features of real samples in the user's cache, so that a data set is measured once.

A file is a `.npy` file behind its digest: with a flipped bit, every quality of every later run
would be held against other real samples.
"""

from __future__ import annotations

import hashlib
import io
import logging
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gansearch.files import with_digest, without_digest, write_atomically
from gansearch.user_folders import cache_folder

_LOG = logging.getLogger(__name__)


def cache_key(*identity: str) -> str:
    """Return the name under which features are kept, from all that they depend on."""
    return hashlib.sha256("\n".join(identity).encode()).hexdigest()


def read_features(key: str) -> Tensor | None:
    """Return the features (N, F) kept under a name; None where there are none, or damaged ones."""
    path = _path(key)
    try:
        array = without_digest(path.read_bytes())
    except OSError:
        return None
    except ValueError:
        _LOG.warning("%s is damaged, so the features are measured anew", path)
        return None
    return torch.from_numpy(np.load(io.BytesIO(array), allow_pickle=False))


def write_features(key: str, features: Tensor) -> None:
    """Keep features (N, F) under a name, unless the cache cannot be written."""
    content = io.BytesIO()
    np.save(content, features.numpy(), allow_pickle=False)
    path = _path(key)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, with_digest(content.getvalue()))


def _path(key: str) -> Path:
    return cache_folder() / "features" / f"{key}.npy"
