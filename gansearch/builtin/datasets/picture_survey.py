"""Survey of a folder of pictures: how many, of which sizes and colours, in which classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self

import numpy as np
from PIL import Image

from gansearch.builtin.datasets.decoding import ORIENTATION
from gansearch.builtin.datasets.folder_layout import Picture, layout_of
from gansearch.builtin.datasets.picture_files import Entry, open_entries, pictures_among

LOOKED_AT = 400
"""Pictures whose size is read."""
DECODED = 24
"""Pictures whose pixels are read, to see if they are grey."""
GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "F"})


@dataclass(frozen=True)
class PictureSurvey:
    """Properties of the pictures of a folder or a zip file."""

    count: int
    width: int
    """Median width in pixels, upright."""
    height: int
    """Median height in pixels, upright."""
    smallest: tuple[int, int]
    """Width and height of the picture with the fewest pixels, of those that were looked at."""
    largest: tuple[int, int]
    grey: bool
    """True if the pictures that were looked at have no colour."""
    classes: dict[str, int]
    """Number of pictures by folder; empty where they lie in none."""
    split: bool
    """True if there are folders of pictures to train on and to test with."""

    @classmethod
    def of(cls, root: Path) -> Self | None:
        """Look at the pictures of a folder or a zip file; None if none can be opened.

        Raises:
            DataError: when there is no such folder, or it cannot be read.
        """
        with open_entries(root) as entries:
            pictures, _ = pictures_among(entries)
            layout = layout_of(pictures, None)
            every = [*layout.pictures, *(layout.test or ())]
            sizes, modes = _headers(_spread(every, LOOKED_AT))
            if not sizes:
                return None
            grey = set(modes) <= GREY_MODES or all(map(_is_grey, _spread(every, DECODED)))
        labels = Counter(picture.label for picture in every if picture.label is not None)
        widths, heights = zip(*sizes, strict=True)
        by_area = sorted(sizes, key=lambda size: size[0] * size[1])
        return cls(
            count=len(every),
            width=round(median(widths)),
            height=round(median(heights)),
            smallest=by_area[0],
            largest=by_area[-1],
            grey=grey,
            classes={layout.classes[label]: n for label, n in labels.most_common()},
            split=layout.test is not None,
        )

    def __str__(self) -> str:
        """Return it in words."""
        sizes = _size(self.largest)
        if self.smallest != self.largest:
            sizes = f"{_size(self.smallest)} to {_size(self.largest)}"
        parts = [f"{self.count:,} pictures", sizes, "grey" if self.grey else "colour"]
        if len(self.classes) > 1:
            named = ", ".join(f"{name} {count:,}" for name, count in [*self.classes.items()][:5])
            more = ", ..." if len(self.classes) > 5 else ""
            parts.append(f"{len(self.classes)} classes ({named}{more})")
        if self.split:
            parts.append("with folders to train on and to test with")
        return "; ".join(parts)


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _spread(pictures: Sequence[Picture], count: int) -> list[Entry]:
    """Return up to `count` pictures, evenly from all."""
    places = np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().astype(int)
    return [pictures[place].entry for place in places]


def _headers(entries: Sequence[Entry]) -> tuple[list[tuple[int, int]], list[str]]:
    """Return the upright size and the mode of each picture that can be opened."""
    sizes, modes = [], []
    for entry in entries:
        try:
            with entry.open() as stream, Image.open(stream) as picture:
                size, mode = picture.size, picture.mode
                turned = picture.getexif().get(ORIENTATION) in (5, 6, 7, 8)
        except Exception:  # a damaged picture may raise any exception; loading the data names it
            continue
        sizes.append((size[1], size[0]) if turned else size)
        modes.append(mode)
    return sizes, modes


def _is_grey(entry: Entry) -> bool:
    """Return True for a picture without colour, or that cannot be decoded."""
    try:
        with entry.open() as stream, Image.open(stream) as picture:
            if picture.mode in GREY_MODES:
                return True
            picture.thumbnail((64, 64))
            pixels = np.asarray(picture.convert("RGB"), dtype=np.int16)
    except Exception:  # as above
        return True
    return bool(np.abs(pixels - pixels.mean(axis=2, keepdims=True)).mean() < 1.0)
