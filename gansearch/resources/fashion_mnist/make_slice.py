"""Draw the slice of Fashion-MNIST that ships with gansearch: `python make_slice.py ROOT`.

ROOT holds the four official idx files. The same number of images of each class is drawn without
replacement and kept in the official order, so the draw depends on the seed alone.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import Literal

import numpy as np

from gansearch.builtin.datasets.fashion_mnist import CLASSES, PARTS, read_part
from gansearch.builtin.datasets.idx import write_idx

SEED = 0
IMAGES_PER_CLASS: dict[Literal["train", "test"], int] = {"train": 1000, "test": 200}


def balanced_draw(labels: np.ndarray, per_class: int, rng: np.random.Generator) -> np.ndarray:
    """Positions (CLASSES * per_class,) of the drawn images, ascending."""
    members = [np.flatnonzero(labels == label) for label in range(CLASSES)]
    return np.sort(
        np.concatenate([rng.choice(those, per_class, replace=False) for those in members])
    )


def main(root: Path, target: Path) -> None:
    """Write the four files of the slice into a folder."""
    rng = np.random.default_rng(SEED)
    for part, per_class in IMAGES_PER_CLASS.items():
        images, labels = read_part(root, part)
        drawn = balanced_draw(labels, per_class, rng)
        for kind, array in (("images-idx3", images[drawn]), ("labels-idx1", labels[drawn])):
            packed = gzip.compress(write_idx(array), 9, mtime=0)  # unpacked 8 times as fast as xz
            (target / f"{PARTS[part]}-{kind}-ubyte.gz").write_bytes(packed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent)
