"""Pictures decoded one after the other into the arrays of a dataset, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, TypeVar

import numpy as np

from gansearch.builtin.datasets.bit_depth import Levels, extremes, is_deep, levels_of, read_deep
from gansearch.builtin.datasets.decoding import (
    LARGEST_OPENED,
    Decoded,
    Decoder,
    PictureError,
    opened,
)
from gansearch.builtin.datasets.digest import sample_hashes
from gansearch.builtin.datasets.folder_layout import Picture
from gansearch.builtin.datasets.memory_map import Allocate
from gansearch.builtin.datasets.picture_files import Entry, LeftOut
from gansearch.components import Split

MAY_BE_DEEP = (".png", ".apng", ".tif", ".tiff", ".pgm", ".ppm", ".pnm")
"""Endings of files that may have more than 8 bits a channel."""
T = TypeVar("T")


@dataclass
class PictureLoader:
    """Loader that decodes pictures, counts their properties and lists those that are damaged."""

    decoder: Decoder
    allocate: Allocate
    left_out: list[LeftOut] = field(default_factory=list)
    formats: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    animated: int = 0

    def decoded(self, pictures: Sequence[Picture]) -> Iterator[tuple[Decoded, int | None]]:
        """Decode each picture that can be decoded; the others are left out."""
        for entry, label in pictures:
            try:
                yield use_content(entry, self.decoder.decode), label
            except PictureError as error:
                self.left_out.append(LeftOut(entry.name, error.reason, error.detail))

    def split(self, name: str, pictures: Iterator[tuple[Decoded, int | None]], count: int) -> Split:
        """Keep the next pictures, at most `count`, as the split of this name."""
        shape = (self.decoder.channels, self.decoder.height, self.decoder.width)
        samples = self.allocate(name, (max(1, count), *shape))
        labels: list[int | None] = []
        # The range comes first, so that no picture is decoded and dropped.
        for i, (decoded, label) in zip(range(count), pictures, strict=False):
            samples[i] = decoded.pixels
            labels.append(label)
            self.formats[decoded.format] += 1
            self.modes[decoded.mode] += 1
            self.sizes[decoded.size] += 1
            self.animated += decoded.animated
        known = bool(labels) and None not in labels
        return Split(samples[: len(labels)], np.array(labels) if known else None)

    def details(self, levels: Levels | None) -> dict[str, Any]:
        """Return counts of what was decoded, for `Data.details`."""
        widths, heights = zip(*self.sizes, strict=True)
        notes = []
        if self.animated:
            notes.append(f"only the first frame of {self.animated} animated pictures is used")
        if levels is not None:
            notes.append(
                f"pictures of more than 8 bits: {levels.black:g} is black, {levels.white:g} white"
            )
        return {
            "formats": dict(self.formats.most_common()),
            "modes": dict(self.modes.most_common()),
            "smallest": [min(widths), min(heights)],
            "largest": [max(widths), max(heights)],
            "left_out": dict(Counter(one.reason for one in self.left_out).most_common()),
            "notes": notes,
        }


def levels_in(entries: Iterable[Entry]) -> Levels | None:
    """Return black and white of all pictures of more than 8 bits, which are decoded for it."""
    ranges, fractions = [], []
    for entry in entries:
        if not entry.name.lower().endswith(MAY_BE_DEEP):
            continue
        try:
            depth = use_content(entry, _depth)
        except PictureError:  # listed when it is decoded
            continue
        if depth is not None:
            ranges.append(depth[:2])
            fractions.append(depth[2])
    return levels_of(ranges, fractions=all(fractions))


def _depth(stream: IO[bytes]) -> tuple[float, float, bool] | None:
    """Return the extremes of a picture of more than 8 bits, and True where they are fractions."""
    with opened(stream) as picture:
        if not is_deep(picture) or picture.width * picture.height > LARGEST_OPENED:
            return None
        return *extremes(read_deep(picture, stream)), picture.mode == "F"


def use_content(entry: Entry, use: Callable[[IO[bytes]], T]) -> T:
    """Call a function with the content of a file.

    Raises:
        PictureError: when the file cannot be opened, or by the function.
    """
    try:
        stream = entry.open()
    except Exception as error:  # a damaged archive may raise any exception
        raise PictureError("cannot be read", str(error)) from None
    with stream:
        return use(stream)


def similarities(train: Split, test: Split) -> tuple[int, int]:
    """Return how many samples differ, and how many test samples are training samples too."""
    trained, tested = sample_hashes(train.samples), sample_hashes(test.samples)
    known = set(trained)
    return len(known | set(tested)), sum(one in known for one in tested)
