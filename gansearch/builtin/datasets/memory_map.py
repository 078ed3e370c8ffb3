"""Memory-mapped pixels of large data sets, in files of the user's cache."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from filelock import FileLock

from gansearch.components import Data, Split
from gansearch.errors import DataError
from gansearch.files import write_atomically
from gansearch.user_folders import cache_folder

Allocate = Callable[[str, tuple[int, ...]], np.ndarray]
"""Function that allocates an array of bytes, from the name of a split and a shape."""
RECORD = "data.json"
SPLITS = ("train", "test")


def in_memory(split: str, shape: tuple[int, ...]) -> np.ndarray:
    """Allocate in memory."""
    return np.empty(shape, np.uint8)


def cache_key(parts: Iterable[str]) -> str:
    """Return the name of a set in the cache, from its settings and its files."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()[:32]


def memory_mapped(key: str, size: int, build: Callable[[Allocate], Data]) -> Data:
    """Return the data set of a key from the cache; build it first if it is missing.

    Args:
        key: hash of everything that the set depends on.
        size: upper bound of its size in bytes.
        build: function that fills arrays that it allocates, one per split.

    Raises:
        DataError: when the disk is full.
    """
    folder = cache_folder() / "pictures" / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f"{key}.lock"):  # workers that start together build it once
        if not (folder / RECORD).is_file():
            if shutil.disk_usage(folder.parent).free < size:
                raise DataError(
                    f"the pictures take {size} bytes, more than memory may hold and more than is "
                    f"free in {folder.parent}; give a limit or a smaller size, or make room there"
                )
            _build(folder, build)
    return _open(folder)


def _build(folder: Path, build: Callable[[Allocate], Data]) -> None:
    """Build a set beside its folder and move it there when it is complete."""
    with tempfile.TemporaryDirectory(prefix=".building-", dir=folder.parent) as place:
        parts = Path(place) / "set"
        parts.mkdir()

        def on_disk(split: str, shape: tuple[int, ...]) -> np.ndarray:
            return np.lib.format.open_memmap(
                parts / f"{split}.npy", mode="w+", dtype=np.uint8, shape=shape
            )

        data = build(on_disk)
        for name in SPLITS:
            labels = getattr(data, name).labels
            if labels is not None:
                np.save(parts / f"{name}-labels.npy", labels)
        record = {
            "source": data.source,
            "digest": data.digest,
            "warnings": data.warnings,
            "details": data.details,
            "counts": {name: len(getattr(data, name).samples) for name in SPLITS},
        }
        write_atomically(parts / RECORD, json.dumps(record).encode())
        shutil.rmtree(folder, ignore_errors=True)
        parts.rename(folder)


def _open(folder: Path) -> Data:
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))

    def split(name: str) -> Split:
        # Copy on write: torch warns of arrays that cannot be written to.
        samples = np.load(folder / f"{name}.npy", mmap_mode="c")[: record["counts"][name]]
        labels = folder / f"{name}-labels.npy"
        return Split(samples, np.load(labels) if labels.is_file() else None)

    return Data(
        train=split("train"),
        test=split("test"),
        source=record["source"],
        digest=record["digest"],
        warnings=tuple(record["warnings"]),
        details=record["details"],
    )
