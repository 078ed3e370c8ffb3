"""Data sets made by code, on which the detectors are held to account: dark, pale, coloured, few.

Each is deterministic, so that nothing needs to be downloaded: `PICTURES[name]()` gives the `Data`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from gansearch.builtin.datasets.digest import samples_digest
from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.components import Data, Split

Draw = Callable[[np.random.Generator, int], np.ndarray]
"""Make one picture, (H, W) or (H, W, 3) of levels 0 to 255, from a source of random numbers and its
side."""


def colour(draws: np.random.Generator, low: int = 0, high: int = 256) -> tuple[int, int, int]:
    red, green, blue = (int(level) for level in draws.integers(low, high, 3))
    return red, green, blue


def smooth(draws: np.random.Generator, side: int, radius: float) -> np.ndarray:
    """Gaussian noise (H, W) blurred with a radius in pixels, of mean 0 and deviation 1."""
    frequencies = np.fft.fftfreq(side)[:, None] ** 2 + np.fft.fftfreq(side)[None] ** 2
    spectrum = np.fft.fft2(draws.normal(size=(side, side)))
    field = np.fft.ifft2(spectrum * np.exp(-2 * (np.pi * radius) ** 2 * frequencies)).real
    return np.asarray((field - field.mean()) / field.std())


def sky(draws: np.random.Generator, side: int) -> np.ndarray:
    """A dark sky with a faint gradient, some stars and read-out noise."""
    levels = np.linspace(draws.uniform(2, 8), draws.uniform(4, 16), side)[:, None]
    picture = np.repeat(np.repeat(levels[:, :, None], side, 1), 3, 2)
    y, x = np.mgrid[:side, :side]
    for _ in range(draws.integers(1, 9)):
        at, size = draws.uniform(0, side, 2), draws.uniform(0.4, 1.0)
        spot = np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) / (2 * size**2))
        picture += spot[:, :, None] * draws.uniform(20, 160) * draws.uniform(0.7, 1.0, 3)
    return picture + draws.normal(0, 1.0, (side, side, 1))


def texture(draws: np.random.Generator, side: int) -> np.ndarray:
    """A grey texture of low contrast, fine or coarse."""
    contrast = draws.uniform(3, 9)
    return draws.uniform(110, 140) + contrast * smooth(draws, side, draws.uniform(0.5, 2.5))


def relief(draws: np.random.Generator, side: int) -> np.ndarray:
    """A coloured texture of high contrast."""
    field = smooth(draws, side, draws.uniform(0.4, 1.2))[:, :, None]
    return np.array(colour(draws, 60, 200)) + 50 * field * draws.uniform(0.5, 1.0, 3)


def page(draws: np.random.Generator, side: int) -> np.ndarray:
    """A scanned page: lines of small words on nearly white paper."""
    picture = Image.new("L", (side, side), int(draws.integers(240, 253)))
    pen, line = ImageDraw.Draw(picture), int(draws.integers(3, 7))
    for y in range(int(draws.integers(2, 8)), side - 3, line):
        x = int(draws.integers(1, 6))
        while x < side - int(draws.integers(2, side // 2)):
            word = int(draws.integers(1, 6))
            pen.rectangle((x, y, x + word, y), fill=int(draws.integers(60, 170)))
            x += word + int(draws.integers(2, 4))
    return np.asarray(picture) + draws.normal(0, 1.5, (side, side))


def glyph(draws: np.random.Generator, side: int) -> np.ndarray:
    """A letter or a digit, moved and turned a little."""
    picture = Image.new("L", (side, side))
    letter = "ABDEGHKMRSTXYZ0123456789"[draws.integers(24)]
    font = ImageFont.load_default(int(draws.integers(side * 5 // 8, side * 7 // 8)))
    place = (side / 2 + draws.uniform(-2, 2), side / 2 + draws.uniform(-2, 2))
    ImageDraw.Draw(picture).text(place, letter, fill=255, font=font, anchor="mm")
    return np.asarray(picture.rotate(draws.uniform(-15, 15), Image.Resampling.BILINEAR))


def shapes(draws: np.random.Generator, side: int) -> np.ndarray:
    """One to three coloured discs, boxes and triangles on a plain background."""
    picture = Image.new("RGB", (side, side), colour(draws, 120))
    pen = ImageDraw.Draw(picture)
    for _ in range(draws.integers(1, 4)):
        x, y = draws.uniform(0.2 * side, 0.8 * side, 2)
        r, kind, fill = draws.uniform(0.1, 0.3) * side, draws.integers(3), colour(draws, 0, 220)
        if kind == 0:
            pen.ellipse((x - r, y - r, x + r, y + r), fill=fill)
        elif kind == 1:
            pen.rectangle((x - r, y - r, x + r, y + r), fill=fill)
        else:
            pen.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill=fill)
    return np.asarray(picture)


def patches(draws: np.random.Generator, side: int) -> np.ndarray:
    """A patchwork of coloured cells."""
    cells = int(draws.integers(2, 6))
    levels = draws.integers(0, 256, (cells, cells, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(levels).resize((side, side), Image.Resampling.NEAREST))


def face(draws: np.random.Generator, side: int) -> np.ndarray:
    """A head with eyes and a mouth before a background, blurred."""
    big = 4 * side
    picture = Image.new("RGB", (big, big), colour(draws, 30, 230))
    pen, middle = ImageDraw.Draw(picture), big / 2 + draws.uniform(-0.05, 0.05, 2) * big
    wide, high = draws.uniform(0.22, 0.32) * big, draws.uniform(0.30, 0.42) * big
    skin = np.array([draws.integers(90, 240), 0, 0])
    skin[1], skin[2] = skin[0] * draws.uniform(0.7, 0.85), skin[0] * draws.uniform(0.5, 0.75)

    def ellipse(x: float, y: float, a: float, b: float, fill: tuple[int, ...]) -> None:
        x, y = middle[0] + x * wide, middle[1] + y * high
        pen.ellipse((x - a * wide, y - b * high, x + a * wide, y + b * high), fill=fill)

    ellipse(0, -0.25, 1.15, 1.0, colour(draws, 10, 150))
    ellipse(0, 0, 1, 1, tuple(int(level) for level in skin))
    for eye in (-0.4, 0.4):
        ellipse(eye, -0.2, 0.15, 0.08, (235, 235, 235))
        ellipse(eye, -0.2, 0.07, 0.08, colour(draws, 10, 90))
    ellipse(0, 0.45, draws.uniform(0.2, 0.45), draws.uniform(0.03, 0.12), (150, 60, 60))
    blurred = picture.filter(ImageFilter.GaussianBlur(4))
    return np.asarray(blurred.resize((side, side), Image.Resampling.BOX))


def dim_face(draws: np.random.Generator, side: int) -> np.ndarray:
    """A face at night: a quarter of the light."""
    return face(draws, side) / 4


def gradient(draws: np.random.Generator, side: int) -> np.ndarray:
    """A smooth passage between two colours."""
    y, x = np.mgrid[:side, :side] / side
    turn = draws.uniform(0, 2 * np.pi)
    share = ((np.cos(turn) * x + np.sin(turn) * y) / 2 + 0.5)[:, :, None]
    mixed = share * np.array(colour(draws)) + (1 - share) * np.array(colour(draws))
    return np.asarray(mixed)


def made(draw: Draw, side: int, train: int, test: int, name: str) -> Data:
    """Draw training and test pictures from one seed."""
    draws = np.random.default_rng(20)
    pictures = np.stack([draw(draws, side) for _ in range(train + test)])
    levels = pictures.round().clip(0, 255).astype(np.uint8)
    samples = levels[:, None] if levels.ndim == 3 else levels.transpose(0, 3, 1, 2)
    samples = np.ascontiguousarray(samples)
    split = Split(samples[:train]), Split(samples[train:])
    digest = samples_digest(split[0].samples, split[1].samples)
    return Data(*split, source=f"{name}, made by code ({train} train, {test} test)", digest=digest)


def small_fashion() -> Data:
    """Fashion-MNIST at 16x16 with 300 test pictures."""
    data = FashionMNIST(size=16).load()
    test = Split(data.test.samples[:300], None)
    digest = samples_digest(data.train.samples, test.samples)
    return replace(data, test=test, digest=digest, source="fashion-mnist at 16x16, 300 test")


PICTURES: Mapping[str, Callable[[], Data]] = {
    "fashion": lambda: FashionMNIST().load(),
    "glyphs": partial(made, glyph, 28, 2000, 1000, "glyphs"),
    "skies": partial(made, sky, 32, 1200, 400, "dark skies"),
    "textures": partial(made, texture, 32, 1200, 400, "low-contrast textures"),
    "reliefs": partial(made, relief, 32, 1200, 400, "coloured textures"),
    "pages": partial(made, page, 48, 1000, 360, "scanned pages"),
    "shapes": partial(made, shapes, 32, 1600, 600, "coloured shapes"),
    "patches": partial(made, patches, 32, 1200, 400, "patchwork"),
    "faces": partial(made, face, 32, 1200, 400, "drawn faces"),
    "faces-64": partial(made, face, 64, 1200, 400, "drawn faces at 64x64"),
    "gradients": partial(made, gradient, 32, 1000, 360, "gradients"),
    "shapes-20": partial(made, shapes, 32, 80, 20, "few coloured shapes"),
    "skies-20": partial(made, sky, 32, 80, 20, "few dark skies"),
    "faces-60": partial(made, face, 32, 240, 60, "few drawn faces"),
    "glyphs-60": partial(made, glyph, 28, 240, 60, "few glyphs"),
}
SMALL: Mapping[str, Callable[[], Data]] = {
    "fashion": small_fashion,
    "faces": partial(made, face, 16, 3000, 300, "drawn faces at 16x16"),
    "gradients": partial(made, gradient, 16, 3000, 300, "gradients at 16x16"),
    "dim-faces": partial(made, dim_face, 16, 3000, 300, "dim faces at 16x16"),
}
"""Data sets of 16x16 pictures and 300 test pictures, on which a run takes seconds."""
