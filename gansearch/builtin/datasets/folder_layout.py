"""Labels and splits of pictures, from the names of the folders that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gansearch.builtin.datasets.picture_files import Entry, LeftOut, readable
from gansearch.errors import DataError

TRAIN = frozenset({"train", "training"})
TEST = frozenset({"test", "testing"})
VALIDATION = frozenset({"val", "valid", "validation"})
SPLITS = TRAIN | TEST | VALIDATION


class Picture(NamedTuple):
    """A picture file and its label."""

    entry: Entry
    label: int | None
    """Index of its folder among all that hold pictures; None where some picture lies in none."""


class Layout(NamedTuple):
    """Pictures by split, as their folders are named."""

    pictures: list[Picture]
    """All pictures, or those to train on where there are folders of both kinds."""
    test: list[Picture] | None
    """Pictures to test with; None where no folder is named so."""
    left_out: list[LeftOut]
    classes: list[str]
    """Folder of each label."""


class _Placed(NamedTuple):
    """A picture with its folders, without those that name a split."""

    entry: Entry
    folders: tuple[str, ...]
    split: str


def layout_of(entries: Sequence[Entry], classes: tuple[str, ...] | None) -> Layout:
    """Read labels and splits from names: a first folder is a label, train/ and test/ are splits.

    Both `train/cats/1.png` and `cats/train/1.png` are understood. A folder around everything, which
    archives often have, is ignored.

    Raises:
        DataError: when a requested class does not exist.
    """
    placed, left_out = _split_by_name(_without_outer_folder(entries, classes))
    known = sorted({one.folders[0] for one in placed if one.folders})
    for name in classes or ():
        if name not in known:
            listing = ", ".join(map(readable, known))
            there_are = f"there are {listing}" if known else "there is none"
            raise DataError(f"dataset.root has no subfolder {name!r} of pictures; {there_are}")
    kept = [one for one in placed if classes is None or (one.folders and one.folders[0] in classes)]
    labelled = all(one.folders for one in kept)
    pictures = {
        split: [
            Picture(one.entry, known.index(one.folders[0]) if labelled else None)
            for one in kept
            if one.split in names
        ]
        for split, names in {"train": TRAIN | {""}, "test": TEST, "validation": VALIDATION}.items()
    }
    test = pictures["test"] or pictures["validation"]
    if pictures["test"]:
        left_out += [
            LeftOut(one.entry.name, "for validation, and there are others to test with")
            for one in pictures["validation"]
        ]
    return Layout(pictures["train"], test or None, left_out, known if labelled else [])


def _without_outer_folder(entries: Sequence[Entry], classes: Iterable[str] | None) -> list[_Placed]:
    """Remove folders around everything, unless one is a class that was asked for."""
    placed = [_Placed(entry, tuple(entry.name.split("/")[:-1]), "") for entry in entries]
    while placed:
        outer = {one.folders[:1] for one in placed}
        deepest = max(len(one.folders) for one in placed)
        if len(outer) > 1 or deepest < 2 or {name for (name,) in outer} & {*(classes or ())}:
            break
        placed = [one._replace(folders=one.folders[1:]) for one in placed]
    return placed


def _split_by_name(placed: list[_Placed]) -> tuple[list[_Placed], list[LeftOut]]:
    """Assign splits where folders of the first or the second level are train and test."""
    for level in (0, 1):
        names = {one.folders[level].lower() for one in placed if len(one.folders) > level}
        if not (names & TRAIN and names & (TEST | VALIDATION)):
            continue
        inside, left_out = [], []
        for one in placed:
            split = one.folders[level].lower() if len(one.folders) > level else ""
            if split in SPLITS:
                folders = one.folders[:level] + one.folders[level + 1 :]
                inside.append(_Placed(one.entry, folders, split))
            else:
                left_out.append(LeftOut(one.entry.name, "beside the folders train and test"))
        return inside, left_out
    return placed, []
