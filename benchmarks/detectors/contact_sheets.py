"""Draw contact sheets of the campaign's last samples, shuffled and without names, to be labelled.

    python benchmarks/detectors/contact_sheets.py [--runs FOLDER] [--per-sheet 20] [--shuffle 0]

Every sheet holds 64 samples of each of 20 runs under a number. `key.json`, beside the sheets, says
which run has which number: open it after labelling. A run that has a number keeps it, so that a
campaign can be labelled in parts. `real.png` shows real samples of each data set.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np
from pictures import SMALL
from PIL import Image, ImageDraw

SIDE = 8
"""Samples of a run in a row and in a column."""
COLUMNS = 5
MARGIN = 14
"""Pixels between two grids, where the number stands."""


def grid(samples: np.ndarray, scale: int) -> Image.Image:
    """Put samples (N, C, H, W), uint8, side by side."""
    channels, height, width = samples.shape[1:]
    colour = samples if channels == 3 else samples.repeat(3, axis=1)
    rows = colour.reshape(SIDE, SIDE, 3, height, width).transpose(0, 3, 1, 4, 2)
    picture = Image.fromarray(rows.reshape(SIDE * height, SIDE * width, 3))
    return picture.resize((scale * picture.width, scale * picture.height), Image.Resampling.NEAREST)


def sheet(grids: dict[str, Image.Image]) -> Image.Image:
    """Put grids on one sheet, each under its title."""
    side = max(picture.width for picture in grids.values()) + MARGIN
    lines = -(-len(grids) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * side, lines * side), "white")
    pen = ImageDraw.Draw(page)
    for i, (title, picture) in enumerate(grids.items()):
        x, y = i % COLUMNS * side, i // COLUMNS * side
        pen.text((x, y), title, fill="black")
        page.paste(picture, (x, y + MARGIN - 2))
    return page


def last_samples(run: Path) -> np.ndarray:
    kept = np.load(run.with_suffix(".npz"))
    return np.asarray(kept[kept.files[-1]][: SIDE * SIDE])


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=here / "campaign")
    parser.add_argument("--per-sheet", type=int, default=20)
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--shuffle", type=int, default=0, help="seed of the order")
    options = parser.parse_args()
    folder = options.runs / "sheets"
    folder.mkdir(exist_ok=True)
    key_file = folder / "key.json"
    key: dict[str, str] = json.loads(key_file.read_text()) if key_file.is_file() else {}
    new = sorted(path for path in options.runs.glob("*.json") if path.stem not in key.values())
    random.Random(options.shuffle).shuffle(new)
    for begin in range(0, len(new), options.per_sheet):
        numbers = {str(len(key) + 1 + i): p for i, p in enumerate(new[begin:][: options.per_sheet])}
        grids = {n: grid(last_samples(path), options.scale) for n, path in numbers.items()}
        first, last = next(iter(numbers)), next(reversed(numbers))
        sheet(grids).save(folder / f"{int(first):03}-{int(last):03}.png")
        key |= {number: path.stem for number, path in numbers.items()}
    key_file.write_text(json.dumps(key, indent=1) + "\n")
    real = {n: load().train.samples[: SIDE * SIDE] for n, load in SMALL.items()}
    sheet({n: grid(samples, options.scale) for n, samples in real.items()}).save(
        folder / "real.png"
    )
    print(f"{len(new)} runs on new sheets in {folder}")


if __name__ == "__main__":
    main()
