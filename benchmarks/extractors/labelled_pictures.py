"""Data sets of the benchmarks: emoji, pictures of the benchmark of the detectors, labelled ones."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gansearch.builtin.datasets.digest import samples_digest
from gansearch.builtin.datasets.folder import Folder
from gansearch.components import Data, Split

sys.path.insert(0, str(Path(__file__).parents[1] / "detectors"))
from pictures import PICTURES, colour

SIDE = 32
LETTERS = "ABDEGHKMRSTX"


def data_sets(emoji: Path | None) -> dict[str, Callable[[], Data]]:
    """Return the data sets by name; emoji where their folder is given."""
    sets: dict[str, Callable[[], Data]] = {name: PICTURES[name] for name in ("shapes", "faces-64")}
    if emoji is not None:
        folder = Folder(root=str(emoji), height=64, width=64)
        sets = {"emoji": folder.load} | sets
    return sets


def shape(draws: np.random.Generator) -> tuple[np.ndarray, int]:
    """Draw discs, boxes or triangles, one to three of a kind; the label is kind and number."""
    picture = Image.new("RGB", (SIDE, SIDE), colour(draws, 150, 256))
    pen = ImageDraw.Draw(picture)
    kind, number = int(draws.integers(3)), int(draws.integers(1, 4))
    for _ in range(number):
        x, y = draws.uniform(7, SIDE - 7, 2)
        r, fill = draws.uniform(3, 7), colour(draws, 0, 160)
        if kind == 0:
            pen.ellipse((x - r, y - r, x + r, y + r), fill=fill)
        elif kind == 1:
            pen.rectangle((x - r, y - r, x + r, y + r), fill=fill)
        else:
            pen.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill=fill)
    return np.asarray(picture), 3 * kind + number - 1


def letter(draws: np.random.Generator) -> tuple[np.ndarray, int]:
    """Draw a coloured letter on a darker ground, moved and turned; the label is the letter."""
    picture = Image.new("RGB", (SIDE, SIDE), colour(draws, 0, 110))
    label = int(draws.integers(len(LETTERS)))
    font = ImageFont.load_default(int(draws.integers(20, 28)))
    place = (SIDE / 2 + draws.uniform(-2, 2), SIDE / 2 + draws.uniform(-2, 2))
    fill = colour(draws, 140, 256)
    ImageDraw.Draw(picture).text(place, LETTERS[label], fill=fill, font=font, anchor="mm")
    ground = picture.getpixel((0, 0))
    turned = picture.rotate(draws.uniform(-12, 12), Image.Resampling.BILINEAR, fillcolor=ground)
    return np.asarray(turned), label


def labelled(
    draw: Callable[[np.random.Generator], tuple[np.ndarray, int]], name: str, train: int, test: int
) -> Data:
    """Draw labelled training and test pictures from one seed."""
    draws = np.random.default_rng(7)
    pictures, labels = zip(*(draw(draws) for _ in range(train + test)), strict=True)
    samples = np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2))
    split, held_out = (
        Split(samples[part], np.array(labels[part], np.uint8))
        for part in (slice(train), slice(train, None))
    )
    digest = samples_digest(samples[:train], samples[train:])
    return Data(split, held_out, source=f"{name}, made by code", digest=digest)


LABELLED: dict[str, Callable[[], Data]] = {
    "labelled shapes": partial(labelled, shape, "shapes", 4000, 1000),
    "letters": partial(labelled, letter, "letters", 4000, 1000),
}
