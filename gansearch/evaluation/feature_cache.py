"""Features of real samples in the user's cache, so that a data set is measured once."""

from __future__ import annotations

import hashlib
import io
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gansearch.files import write_atomically
from gansearch.user_folders import cache_folder


def cache_key(*identity: str) -> str:
    """Return the name under which features are kept, from all that they depend on."""
    return hashlib.sha256("\n".join(identity).encode()).hexdigest()


def read_features(key: str) -> Tensor | None:
    """Return the features (N, F) kept under a name; None where there are none, or damaged ones."""
    with suppress(OSError, ValueError, EOFError):
        features = np.load(_path(key), allow_pickle=False)
        if features.ndim == 2 and features.dtype == np.float32:
            return torch.from_numpy(features)
    return None


def write_features(key: str, features: Tensor) -> None:
    """Keep features (N, F) under a name, unless the cache cannot be written."""
    content = io.BytesIO()
    np.save(content, features.numpy(), allow_pickle=False)
    path = _path(key)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content.getvalue())


def _path(key: str) -> Path:
    return cache_folder() / "features" / f"{key}.npy"
