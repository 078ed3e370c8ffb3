"""Draw the packages of gansearch and their imports: docs/architecture.png.

    python tools/architecture.py [FILE]

The rows are the layers of `[tool.importlinter]` in pyproject.toml, the arrows are the imports that
the code has now; the thicker, the more. An arrow is left out if other arrows lead to the same
place. It needs what `make lint` installs.
"""

from __future__ import annotations

import functools
import math
import sys
import tomllib
from collections import Counter
from pathlib import Path

import grimp
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

ROOT = Path(__file__).resolve().parents[1]
GAP = 3.1
"""Distance between two modules of a row."""
RISE = 1.25
"""Distance between two rows."""


def main() -> None:
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "architecture.png"
    rows = layers()
    draw(rows, without_detours(import_counts()), file)
    print(f"wrote {file}: {sum(map(len, rows))} modules in {len(rows)} layers")


def layers() -> list[list[str]]:
    """Return the rows of modules, from the top."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    (contract,) = (one for one in contracts if one["type"] == "layers")
    rows = [
        [module.strip().removeprefix("gansearch.") for module in row.split("|")]
        for row in contract["layers"]
    ]
    return [row for row in rows if row != ["__main__"]]


def import_counts() -> Counter[tuple[str, str]]:
    """Count the imports from each top-level module or package into each other one."""
    graph = grimp.build_graph("gansearch")
    counts: Counter[tuple[str, str]] = Counter()
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            source, target = (name.split(".")[1:2] for name in (importer, imported))
            if source and target and source != target:
                counts[source[0], target[0]] += 1
    return counts


def without_detours(counts: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Keep the imports from A to B where nothing that A imports leads to B (transitive reduction).

    >>> sorted(without_detours(Counter([("a", "b"), ("b", "c"), ("a", "c")])))
    [('a', 'b'), ('b', 'c')]
    """
    imported: dict[str, set[str]] = {}
    for source, target in counts:
        imported.setdefault(source, set()).add(target)

    @functools.cache
    def reached(module: str) -> frozenset[str]:
        direct = imported.get(module, set())
        return frozenset(direct).union(*map(reached, direct))

    around = {module: set().union(*map(reached, found)) for module, found in imported.items()}
    return Counter({pair: n for pair, n in counts.items() if pair[1] not in around[pair[0]]})


def draw(rows: list[list[str]], counts: Counter[tuple[str, str]], file: Path) -> None:
    places: dict[str, tuple[float, float]] = {}
    for i, row in enumerate(rows):
        # Every other row is shifted, so that an arrow to a lower row does not run through a box.
        shift = GAP / 4 if i % 2 else -GAP / 4
        for j, module in enumerate(row):
            places[module] = (GAP * (j - (len(row) - 1) / 2) + shift, -RISE * i)
    figure = Figure(figsize=(9, 11), layout="constrained")
    axes = figure.add_subplot()
    modules = list(places)
    colours = {module: colormaps["tab20"](i % 20) for i, module in enumerate(modules)}
    for (source, target), number in sorted(counts.items(), key=lambda item: -item[1]):
        if source not in places or target not in places:
            continue
        (x, y), (end_x, end_y) = places[source], places[target]
        rows_down = (y - end_y) / RISE
        side = 1 if (modules.index(source) + modules.index(target)) % 2 else -1
        bend = side * min(0.45, 0.1 * (rows_down - 1))
        axes.add_patch(
            FancyArrowPatch(
                (x, y - 0.3),
                (end_x, end_y + 0.3),
                connectionstyle=f"arc3,rad={bend}",
                arrowstyle="-|>",
                mutation_scale=9,
                linewidth=0.5 + 0.55 * math.sqrt(number),
                color=colours[source],
                alpha=0.8,
                shrinkA=0,
                shrinkB=0,
            )
        )
    for module, (x, y) in places.items():
        axes.text(
            x,
            y,
            module,
            ha="center",
            va="center",
            fontsize=12,
            bbox={
                "boxstyle": "round,pad=0.35",
                "facecolor": "white",
                "edgecolor": colours[module],
                "linewidth": 2,
            },
        )
    axes.set_xlim(-2.1 * GAP, 2.1 * GAP)
    axes.set_ylim(-RISE * (len(rows) - 0.4), RISE * 0.6)
    axes.set_axis_off()
    figure.savefig(file, dpi=100)


if __name__ == "__main__":
    main()
