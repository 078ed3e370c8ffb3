"""A folder or a zip file of the user's own pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from PIL import ImageColor
from pydantic import Field, field_validator

from gansearch.builtin.datasets.bit_depth import SIXTEEN_BITS
from gansearch.builtin.datasets.decoding import LARGEST_OPENED, Decoder
from gansearch.builtin.datasets.digest import samples_digest
from gansearch.builtin.datasets.folder_layout import Layout, Picture, layout_of
from gansearch.builtin.datasets.images import ImageDataset
from gansearch.builtin.datasets.memory_map import Allocate, cache_key, in_memory, memory_mapped
from gansearch.builtin.datasets.picture_files import (
    LeftOut,
    open_entries,
    pictures_among,
    readable,
    warnings_of,
)
from gansearch.builtin.datasets.picture_loading import PictureLoader, levels_in, similarities
from gansearch.components import Data, ImageShape, Split
from gansearch.errors import DataError

FEWEST = 2
"""Pictures to train on, and to test with."""
LARGEST_IN_MEMORY = 8 * 2**30
"""Bytes of pixels; larger sets are mapped from files of the user's cache."""


class Folder(ImageDataset):
    """Pictures of a folder, its subfolders or a zip file, scaled and cropped to one size."""

    location: ClassVar[frozenset[str]] = frozenset({"root"})

    root: str
    """Path of the folder."""
    height: Annotated[int, Field(ge=4, le=1024)] = 64
    """Height in pixels."""
    width: Annotated[int, Field(ge=4, le=1024)] = 64
    """Width in pixels."""
    channels: Literal[1, 3] = 3
    """1 for grey, 3 for colour."""
    classes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Subfolders to keep, by name; null keeps all pictures."""
    background: str = "white"
    """Colour behind transparent pixels: white, black, or another name or code of CSS."""
    max_megapixels: Annotated[int, Field(ge=1, le=LARGEST_OPENED // 1_000_000)] = 16
    """Larger pictures are left out, except JPEG, which can be decoded at a smaller size."""
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the pictures to test with, at least two; folders train/ and test/ go before."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the draw of the test pictures, and of the order of the others."""

    @field_validator("background")
    @classmethod
    def _known_colour(cls, background: str) -> str:
        try:
            ImageColor.getrgb(background)
        except ValueError:
            raise ValueError("should be a colour such as white, black, grey or #20a0ff") from None
        return background

    def stated_shape(self) -> ImageShape:
        return ImageShape(self.channels, self.height, self.width)

    def load(self) -> Data:
        return _load(self)


@lru_cache(maxsize=2)
def _load(dataset: Folder) -> Data:
    with open_entries(Path(dataset.root).expanduser()) as entries:
        pictures, left_out = pictures_among(entries)
        layout = layout_of(pictures, dataset.classes)
        plan = Plan.of(dataset, layout)

        def decode(allocate: Allocate) -> Data:
            return _decode(dataset, plan, [*left_out, *layout.left_out], allocate)

        if plan.bytes <= LARGEST_IN_MEMORY:
            data = decode(in_memory)
        else:
            settings = dataset.model_dump_json(exclude={"root", "scale", "flip"})
            files = (f"{entry.name} {entry.version}" for entry in pictures)
            data = memory_mapped(cache_key([settings, *files]), plan.bytes, decode)
    return replace(data, value_range=dataset.value_range, flip=dataset.flip)


@dataclass(frozen=True)
class Plan:
    """Pictures in the order in which they are decoded, and how many of them are wanted."""

    test: Sequence[Picture]
    train: Sequence[Picture] | None
    """None where the pictures to train on are those that `test` leaves."""
    tests: int
    limit: int
    bytes: int

    @classmethod
    def of(cls, dataset: Folder, layout: Layout) -> Self:
        """Draw the order by the dataset's seed."""
        rng = np.random.default_rng(dataset.seed)
        pictures = [layout.pictures[i] for i in rng.permutation(len(layout.pictures))]
        if layout.test is None:
            tests = max(FEWEST, round(dataset.test_share * len(pictures)))
            tests = max(0, min(tests, len(pictures) - FEWEST))
            # Test pictures come first, so that they are the same whatever the limit.
            test, train, room = pictures, None, len(pictures) - tests
        else:
            test = [layout.test[i] for i in rng.permutation(len(layout.test))]
            train, tests, room = pictures, len(test), len(pictures)
        limit = min(dataset.limit or room, room)
        size = dataset.channels * dataset.height * dataset.width
        return cls(test, train, tests, limit, (tests + limit) * size)


def _decode(dataset: Folder, plan: Plan, left_out: list[LeftOut], allocate: Allocate) -> Data:
    """Decode the pictures of a plan into arrays.

    Raises:
        DataError: when too few can be decoded, or all are the same.
    """
    root = Path(dataset.root)
    levels = levels_in(picture.entry for picture in [*plan.test, *(plan.train or ())])
    decoder = Decoder(
        dataset.channels,
        dataset.height,
        dataset.width,
        dataset.background,
        dataset.max_megapixels * 1_000_000,
        levels or SIXTEEN_BITS,
    )
    loader = PictureLoader(decoder, allocate, left_out)
    pictures = loader.decoded(plan.test)
    test = loader.split("test", pictures, plan.tests)
    if plan.train is not None:
        pictures = loader.decoded(plan.train)
    train = loader.split("train", pictures, plan.limit)
    counts = (len(train.samples), len(test.samples))
    if min(counts) < FEWEST:
        lines = "".join(f"\n  {line}" for line in warnings_of(left_out))
        raise DataError(
            f"{readable(str(root))} holds {sum(counts)} usable pictures ({counts[0]} to train on, "
            f"{counts[1]} to test with); at least {FEWEST} are needed of each{lines}"
        )
    return Data(
        train=train,
        test=test,
        source=f"folder {readable(root.stem)} ({counts[0]} train, {counts[1]} test)",
        digest=samples_digest(train.samples, test.samples),
        warnings=(*_similarity_warnings(dataset, train, test), *warnings_of(left_out)),
        details=loader.details(levels),
    )


def _similarity_warnings(dataset: Folder, train: Split, test: Split) -> list[str]:
    """Warn of pictures that are there several times.

    Raises:
        DataError: when all are the same.
    """
    distinct, repeated = similarities(train, test)
    count, size = len(train.samples) + len(test.samples), f"{dataset.height} x {dataset.width}"
    if distinct == 1:
        raise DataError(
            f"all {count} pictures of {readable(dataset.root)} are the same at {size}, so there is "
            "nothing to learn from them: look at the files"
        )
    warnings = []
    if 2 * distinct <= count:
        warnings.append(f"only {distinct} of {count} pictures differ at {size}")
    if repeated:
        warnings.append(
            f"{repeated} of {len(test.samples)} test pictures are training pictures too: a "
            "generator that repeats those will look good"
        )
    return warnings
