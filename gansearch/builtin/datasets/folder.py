"""A folder of the user's own pictures."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from gansearch.builtin.datasets.digest import samples_digest
from gansearch.builtin.datasets.fashion_mnist import VALUE_RANGES
from gansearch.builtin.datasets.pictures import RefusedPicture, read_picture
from gansearch.components import Data, Dataset, Split
from gansearch.errors import DataError

ENDINGS = frozenset({".png", ".jpg", ".jpeg"})
FEWEST = 4
"""Pictures: two to train on and two to test."""
LARGEST_SET = 8 * 2**30
"""Bytes of pixels that are kept in memory at most."""


class Folder(Dataset):
    """PNG and JPEG pictures of a folder and its subfolders, scaled and cropped to one size."""

    root: str
    height: Annotated[int, Field(ge=4, le=1024)] = 64
    width: Annotated[int, Field(ge=4, le=1024)] = 64
    channels: Literal[1, 3] = 3
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Of the pictures, kept from training to judge by; at least two."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the draw of the test pictures."""
    scale: Literal["symmetric", "unit"] = "symmetric"
    """What black and white are to the networks: -1 and 1, or 0 and 1."""
    limit: Annotated[int, Field(ge=FEWEST)] | None = None
    """Pictures at most, the first by path."""

    def load(self) -> Data:
        return _load(self)


@lru_cache(maxsize=2)
def _load(folder: Folder) -> Data:
    root = Path(folder.root).expanduser()
    paths = _pictures(root)[: folder.limit]
    pixels, warnings = _read(folder, root, paths)
    train, test = _divided(pixels, folder.test_share, folder.seed)
    return Data(
        train=Split(train),
        test=Split(test),
        source=f"folder {root.name} ({len(train)} train, {len(test)} test)",
        digest=samples_digest(train, test),
        value_range=VALUE_RANGES[folder.scale],
        warnings=warnings,
    )


def _pictures(root: Path) -> list[Path]:
    """The pictures in a folder, by path, which is the same order on every machine."""
    if not root.is_dir():
        raise DataError(f"{root} is no folder; root must name one that holds PNG or JPEG pictures")
    try:
        found = [path for path in root.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file()]
    except OSError as error:
        raise DataError(f"{root} cannot be read: {error}") from None
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def _read(folder: Folder, root: Path, paths: list[Path]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Pixels (N, C, H, W), and a line for each picture that was left out."""
    size = len(paths) * folder.channels * folder.height * folder.width
    if size > LARGEST_SET:
        raise DataError(f"{len(paths)} pictures would take {size} bytes of memory; give a limit or a smaller size")
    pixels, warnings = [], []
    for path in paths:
        try:
            pixels.append(read_picture(path, folder.channels, folder.height, folder.width))
        except RefusedPicture as refusal:
            warnings.append(f"left out {path.relative_to(root).as_posix()}: {refusal}")
    if len(pixels) < FEWEST:
        reasons = "".join(f"\n  {line}" for line in warnings[:10])
        raise DataError(
            f"{root} holds {len(pixels)} usable PNG or JPEG pictures; at least {FEWEST} are needed{reasons}"
        )
    return np.stack(pixels), tuple(warnings)


def _divided(pixels: np.ndarray, test_share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures to train on and to test, in an order that depends on the seed alone."""
    order = np.random.default_rng(seed).permutation(len(pixels))
    tests = min(max(2, round(test_share * len(pixels))), len(pixels) - 2)
    return pixels[order[tests:]], pixels[order[:tests]]
