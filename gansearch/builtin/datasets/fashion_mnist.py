"""Fashion-MNIST: a slice that ships with the package, or the official 70,000 images."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, ClassVar, Literal, get_args

import numpy as np
from pydantic import BeforeValidator, Field

from gansearch.builtin.datasets.digest import samples_digest
from gansearch.builtin.datasets.idx import read_idx
from gansearch.builtin.datasets.images import ImageDataset
from gansearch.builtin.datasets.resizing import resized
from gansearch.components import Data, ImageShape, Split
from gansearch.errors import DataError
from gansearch.user_folders import fetched_folder

SLICE = files("gansearch") / "resources" / "fashion_mnist"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Folder of the official files in Debian's package dataset-fashion-mnist."""
PARTS = {"train": "train", "test": "t10k"}
SIDE = 28
Garment = Literal[
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle-boot",
]
GARMENTS: tuple[str, ...] = get_args(Garment)
"""Names in the order of their labels."""
CLASSES = len(GARMENTS)


def cache_folder() -> Path:
    """Return the folder into which `gansearch data fetch fashion-mnist` puts the official files."""
    return fetched_folder("fashion-mnist")


def label_of(garment: object) -> object:
    """Return the label of a garment's name; anything else as it is."""
    if isinstance(garment, str) and garment in GARMENTS:
        return GARMENTS.index(garment)
    if isinstance(garment, str):
        raise ValueError(f"there is no such garment; there are {', '.join(GARMENTS)}")
    return garment


Label = Annotated[
    int, Field(ge=0, lt=CLASSES), BeforeValidator(label_of, json_schema_input_type=Garment | int)
]


class FashionMNIST(ImageDataset):
    """Grey 28x28 pictures of ten kinds of garment (Xiao et al. 2017, arXiv:1708.07747)."""

    location: ClassVar[frozenset[str]] = frozenset({"root"})

    images: Literal["slice", "full"] = "slice"
    """`slice`: 10,000 to train on and 2,000 to test with, balanced; `full`: 60,000 and 10,000."""
    root: str | None = None
    """Folder of the official files for `full`; else the user's cache, else Debian's package."""
    classes: Annotated[tuple[Label, ...], Field(min_length=1)] | None = None
    """Garments to keep, by name or label; all of them by default."""
    size: Annotated[int, Field(ge=16, le=128)] = SIDE
    """Height and width of the images as they are loaded, scaled by bicubic interpolation."""

    def stated_shape(self) -> ImageShape:
        return ImageShape(1, self.size, self.size)

    def load(self) -> Data:
        return _load(self)


@lru_cache(maxsize=4)
def _load(dataset: FashionMNIST) -> Data:
    place: Traversable = SLICE
    found_in = "slice"
    if dataset.images == "full":
        place, found_in = _official(dataset.root)
    train = _kept(dataset, place, "train", dataset.limit)
    test = _kept(dataset, place, "test", None)
    size = "" if dataset.size == SIDE else f" at {dataset.size}x{dataset.size}"
    counts = f"{len(train.samples)} train, {len(test.samples)} test"
    return Data(
        train=train,
        test=test,
        source=f"fashion-mnist {found_in}{size} ({counts})",
        digest=samples_digest(train.samples, test.samples),
        value_range=dataset.value_range,
        flip=dataset.flip,
        extractor="fashion-mnist",
    )


def _kept(
    dataset: FashionMNIST, place: Traversable, part: Literal["train", "test"], limit: int | None
) -> Split:
    images, labels = read_part(place, part)
    if dataset.classes is not None:
        chosen = np.isin(labels, dataset.classes)
        images, labels = images[chosen], labels[chosen]
    images, labels = images[:limit], labels[:limit]
    if not len(images):
        classes = ", ".join(map(str, dataset.classes or ()))
        raise DataError(f"the {part} files hold no image of the classes {classes}")
    if dataset.size != SIDE:
        images = resized(images, dataset.size)
    return Split(images[:, np.newaxis], labels)


def read_part(place: Traversable, part: Literal["train", "test"]) -> tuple[np.ndarray, np.ndarray]:
    """Read images (N, 28, 28) and labels (N,), both uint8, from a folder of idx files.

    Raises:
        DataError: when a file is missing or damaged, or is not of Fashion-MNIST's shape.
    """
    images = read_idx(_file(place, f"{PARTS[part]}-images-idx3-ubyte"), dimensions=3)
    labels = read_idx(_file(place, f"{PARTS[part]}-labels-idx1-ubyte"), dimensions=1)
    if (
        images.shape[1:] != (SIDE, SIDE)
        or len(images) != len(labels)
        or not len(labels)
        or labels.max() >= CLASSES
    ):
        raise DataError(
            f"the {part} files are not Fashion-MNIST's: images {images.shape} and labels "
            f"{labels.shape}, not (N, {SIDE}, {SIDE}) and (N,) of 0 to {CLASSES - 1}"
        )
    return images, labels


def _file(place: Traversable, name: str) -> Traversable:
    for found in _variants(place, name):
        return found
    raise DataError(f"{name} is missing, plain or as .gz")


def _variants(place: Traversable, name: str) -> Iterator[Traversable]:
    for ending in ("", ".gz", ".xz"):
        candidate = place / (name + ending)
        if candidate.is_file():
            yield candidate


def _official(root: str | None) -> tuple[Traversable, str]:
    """Return the folder of the official files, and a name of it for the record."""
    if root is not None:
        places = {"official files": Path(root).expanduser()}
    else:
        places = {"official files": cache_folder(), "official files of Debian": DEBIAN}
    for name, place in places.items():
        if any(_variants(place, "train-images-idx3-ubyte")):
            return place, name
    looked_in = ", ".join(map(str, places.values()))
    raise DataError(
        f"the official files of Fashion-MNIST are not in {looked_in}. Get them by `gansearch data "
        "fetch fashion-mnist` or from Debian's package dataset-fashion-mnist, or take the slice, "
        "which ships with gansearch (images: slice)"
    )
