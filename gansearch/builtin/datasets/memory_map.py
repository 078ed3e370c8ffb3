"""Memory-mapped pixels of large data sets, in files of the user's cache."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from filelock import FileLock

from gansearch.builtin.datasets.digest import samples_digest
from gansearch.components import Data, Split
from gansearch.errors import DataError
from gansearch.files import json_with_digest, load_json_with_digest, write_atomically
from gansearch.user_folders import cache_folder

Allocate = Callable[[str, tuple[int, ...]], np.ndarray]
"""Function that allocates an array of bytes, from the name of a split and a shape."""
RECORD = "data.json"
SPLITS = ("train", "test")

_LOG = logging.getLogger(__name__)


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
        if (data := _open(folder)) is None:
            if shutil.disk_usage(folder.parent).free < size:
                raise DataError(
                    f"the pictures take {size} bytes, more than memory may hold and more than is "
                    f"free in {folder.parent}; give a limit or a smaller size, or make room there"
                )
            _build(folder, build)
            data = _open(folder)
    if data is None:
        raise DataError(f"{folder} cannot be read back; does the disk lose data?")
    return data


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
        sums = {}
        for name in SPLITS:
            labels = getattr(data, name).labels
            if labels is not None:
                np.save(parts / f"{name}-labels.npy", labels)
                sums[name] = samples_digest(labels)
        record = {
            "source": data.source,
            "digest": data.digest,
            "warnings": data.warnings,
            "details": data.details,
            "counts": {name: len(getattr(data, name).samples) for name in SPLITS},
            "labels": sums,
        }
        write_atomically(parts / RECORD, json_with_digest(record))
        shutil.rmtree(folder, ignore_errors=True)
        parts.rename(folder)


def _open(folder: Path) -> Data | None:
    """Return the set in a folder; None if there is none, or its record or labels are damaged.

    The pixels are not compared with a digest: they would be read from the disk as a whole.
    """
    try:
        record = load_json_with_digest((folder / RECORD).read_bytes())
        splits = {}
        for name in SPLITS:
            # Copy on write: torch warns of arrays that cannot be written to.
            samples = np.load(folder / f"{name}.npy", mmap_mode="c")[: record["counts"][name]]
            labels = None
            if name in record["labels"]:
                labels = np.load(folder / f"{name}-labels.npy")
                if samples_digest(labels) != record["labels"][name]:
                    raise ValueError(f"{name}-labels.npy does not match its digest")
            splits[name] = Split(samples, labels)
        return Data(
            train=splits["train"],
            test=splits["test"],
            source=record["source"],
            digest=record["digest"],
            warnings=tuple(record["warnings"]),
            details=record["details"],
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError) as error:
        _LOG.warning("%s is damaged, so the pictures are decoded anew: %s", folder, error)
        return None
