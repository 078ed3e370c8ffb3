"""Variation between seeds: how often a healthy candidate fails with the next, and quality noise.

    python benchmarks/tabular/seeds.py --table NAME     # writes its seeds.md

Uses the candidates of the table that were trained with several seeds, and their verdicts. Each
seed in turn is the fresh one; the others are what a certificate would rest on.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from replaying import Run, Table
from tables import table_argument

from gansearch.files import write_atomically

RESAMPLES = 2000
SMALL = 10_000
"""Parameters below which a generator counts as small."""


def is_healthy(run: Run) -> bool:
    """Return True if a study would rank the run."""
    return run.failure is None and run.at_end.status == "healthy"


def fresh(
    groups: Sequence[Sequence[Run]], known: int, of: Callable[[Run], bool]
) -> tuple[int, int]:
    """Count the choices of so many healthy seeds, and those after which the next seed fails.

    Every choice of seeds and of the next one counts, so those of one candidate are dependent.
    """
    outcomes = [
        of(group[i])
        for group in groups
        for i, chosen in _choices(len(group), known)
        if all(of(group[j]) for j in chosen)
    ]
    return len(outcomes), outcomes.count(False)


def _choices(seeds: int, known: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    for i in range(seeds):
        others = [j for j in range(seeds) if j != i]
        yield from ((i, chosen) for chosen in itertools.combinations(others, known))


def noise(groups: Sequence[Sequence[Run]]) -> float:
    """Return the pooled relative std of the final quality of healthy seeds of a candidate."""
    logs = [[math.log(run.cost) for run in group if is_healthy(run)] for group in groups]
    pairs = [(statistics.variance(values), len(values) - 1) for values in logs if len(values) > 1]
    return math.exp(math.sqrt(sum(v * n for v, n in pairs) / sum(n for _, n in pairs))) - 1


def page_of(groups: Sequence[Sequence[Run]]) -> str:
    """Return the page, as Markdown."""
    small = [group for group in groups if group[0].size < SMALL]
    large = [group for group in groups if group not in small]
    healthy = [statistics.mean(map(is_healthy, group)) for group in groups]
    lines = [
        "# Other seeds",
        "",
        f"{len(groups)} candidates with {len(groups[0])} seeds each, {len(small)} of them with "
        f"fewer than {SMALL:,} parameters. Written by seeds.py.",
        "",
        "| healthy with | so often | the next seed fails | that is "
        "| 95 % interval (bootstrap over candidates) |",
        "|---|---|---|---|---|",
        *(
            _row(name, chosen, known)
            for known in (1, 2)
            for name, chosen in (("all", groups), ("small ones", small))
        ),
        "",
        f"Healthy with all of their seeds: {healthy.count(1.0)}, with none: {healthy.count(0.0)}, "
        f"with some: {sum(0.0 < share < 1.0 for share in healthy)}.",
        "",
        "The final quality of two seeds of one candidate differs by a relative standard deviation "
        f"of {noise(groups):.0%} ({noise(small):.0%} for the small ones, {noise(large):.0%} for "
        "the others).",
        "",
    ]
    return "\n".join(lines)


def _row(name: str, groups: Sequence[Sequence[Run]], known: int) -> str:
    count, failed = fresh(groups, known, is_healthy)
    random = np.random.default_rng(0)
    redrawn = (
        fresh(
            [groups[i] for i in random.integers(len(groups), size=len(groups))], known, is_healthy
        )
        for _ in range(RESAMPLES)
    )
    low, high = np.quantile([failures / times for times, failures in redrawn], [0.025, 0.975])
    seeds = f"{known} seed{'s' * (known > 1)}, {name}"
    return f"| {seeds} | {count} | {failed} | {failed / count:.1%} | {low:.1%} to {high:.1%} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    table_argument(parser)
    folder = parser.parse_args().table
    table = Table.of(folder)
    several = max(len(table.seeds(number)) for number in table.first)
    page = page_of(
        [group for number in table.first if len(group := table.seeds(number)) == several]
    )
    write_atomically(folder.path / "seeds.md", page.encode())
    print(page)


if __name__ == "__main__":
    main()
