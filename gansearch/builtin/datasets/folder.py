"""A folder of the user's own pictures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field

from gansearch.builtin.datasets.digest import samples_digest
from gansearch.builtin.datasets.images import ImageDataset
from gansearch.builtin.datasets.pictures import RefusedPicture, read_picture
from gansearch.components import Data, Split
from gansearch.errors import DataError

ENDINGS = frozenset({".png", ".jpg", ".jpeg"})
FEWEST = 2
"""Pictures to train on, and to test."""
LARGEST_SET = 8 * 2**30
"""Bytes of pixels that are kept in memory at most."""


class Folder(ImageDataset):
    """PNG and JPEG pictures of a folder and its subfolders, scaled and cropped to one size."""

    root: str
    """Path of the folder."""
    height: Annotated[int, Field(ge=4, le=1024)] = 64
    """Height in pixels."""
    width: Annotated[int, Field(ge=4, le=1024)] = 64
    """Width in pixels."""
    channels: Literal[1, 3] = 3
    """1 for grey, 3 for colour."""
    classes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Subfolders to keep, by name; all pictures by default."""
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Of the pictures, kept from training to judge by; at least two."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the draw of the test pictures, and of the order of the others."""

    def load(self) -> Data:
        return _load(self)


Sample = tuple[np.ndarray, int | None]
"""Pixels (C, H, W), uint8, and label."""


class Picture(NamedTuple):
    """A file that looks like a picture."""

    path: Path
    name: str
    """Its path in the folder."""
    label: int | None
    """Of its subfolder among all that hold pictures, by name; None where some picture lies in none."""


@lru_cache(maxsize=2)
def _load(folder: Folder) -> Data:
    root = Path(folder.root).expanduser()
    refused: list[str] = []
    test, train = _divided(folder, _pictures(root, folder.classes), refused)
    if len(test) < FEWEST or len(train) < FEWEST:
        reasons = "".join(f"\n  {line}" for line in sorted(refused)[:10])
        raise DataError(
            f"{root} holds {len(test) + len(train)} usable PNG or JPEG pictures; "
            f"at least {FEWEST} are needed to train on and {FEWEST} to test{reasons}"
        )
    trained_on, tested_on = _split(train), _split(test)
    return Data(
        train=trained_on,
        test=tested_on,
        source=f"folder {root.name} ({len(train)} train, {len(test)} test)",
        digest=samples_digest(trained_on.samples, tested_on.samples),
        value_range=folder.value_range,
        warnings=tuple(sorted(refused)),
    )


def _divided(
    folder: Folder, pictures: list[Picture], refused: list[str]
) -> tuple[list[Sample], list[Sample]]:
    """Samples to test and to train on, in an order that depends on the seed alone."""
    order = np.random.default_rng(folder.seed).permutation(len(pictures))
    tests = max(FEWEST, round(folder.test_share * len(pictures)))
    tests = max(0, min(tests, len(pictures) - FEWEST))
    limit = min(folder.limit or len(pictures), len(pictures) - tests)
    _refuse_too_many(tests + limit, folder)
    usable = _usable(folder, [pictures[i] for i in order], refused)
    # The test pictures are drawn first, so that they are the same whatever the limit.
    return list(itertools.islice(usable, tests)), list(itertools.islice(usable, limit))


def _pictures(root: Path, classes: tuple[str, ...] | None) -> list[Picture]:
    """The pictures in a folder, or in those of its subfolders, by path: the same order on every machine."""
    parts = {path: path.relative_to(root).parts for path in _files(root)}
    subfolders = sorted({first for first, *deeper in parts.values() if deeper})
    for name in classes or ():
        if name not in subfolders:
            there_are = f"there are {', '.join(subfolders)}" if subfolders else "there is none"
            raise DataError(f"{root} has no subfolder {name!r} of pictures; {there_are}")
    kept = {
        path: names
        for path, names in parts.items()
        if classes is None or (len(names) > 1 and names[0] in classes)
    }
    labelled = all(len(names) > 1 for names in kept.values())
    pictures = [
        Picture(path, "/".join(names), subfolders.index(names[0]) if labelled else None)
        for path, names in kept.items()
    ]
    return sorted(pictures, key=lambda picture: picture.name)


def _files(root: Path) -> list[Path]:
    if not root.is_dir():
        raise DataError(
            f"{root} is no folder: dataset.root must name one that holds PNG or JPEG pictures, as in "
            "--set dataset.root=FOLDER (with none at hand, python studies/render_emoji.py FOLDER makes some)"
        )
    try:
        return [
            path for path in root.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file()
        ]
    except OSError as error:
        raise DataError(f"{root} cannot be read: {error}") from None


def _refuse_too_many(count: int, folder: Folder) -> None:
    size = count * folder.channels * folder.height * folder.width
    if size > LARGEST_SET:
        raise DataError(
            f"{count} pictures would take {size} bytes of memory; give a limit or a smaller size"
        )


def _usable(folder: Folder, pictures: list[Picture], refused: list[str]) -> Iterator[Sample]:
    """Each picture that can be read; a line for each other goes to `refused`."""
    for picture in pictures:
        try:
            yield (
                read_picture(picture.path, folder.channels, folder.height, folder.width),
                picture.label,
            )
        except RefusedPicture as refusal:
            refused.append(f"left out {picture.name}: {refusal}")


def _split(samples: list[Sample]) -> Split:
    pixels, labels = zip(*samples, strict=True)
    return Split(np.stack(pixels), None if None in labels else np.array(labels))
