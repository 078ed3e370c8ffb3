"""Choose the candidates of the table before any of them is trained; most of them are small.

    python benchmarks/tabular/candidates.py [--out candidates.jsonl]

They are drawn at random from the space of study.yaml, stratified by the size of
the generator; the study's baseline and its queued candidate come first. The same file is written
each time, one candidate per line.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from optuna.trial import FixedTrial

from gansearch.candidate import Candidate
from gansearch.domains import Scalar
from gansearch.files import write_atomically
from gansearch.study.search_space import SearchSpace
from gansearch.study.study import Study
from gansearch.testing import RandomSource

HERE = Path(__file__).parent
STUDY = HERE / "study.yaml"
CANDIDATES = HERE / "candidates.jsonl"
SEED = 0
SEEDS = 3
"""Seeds with which some candidates are trained, among them the study's own two; others have one."""
IN_DOUBT = frozenset({74, 124, 185, 190, 198})
"""Candidates smaller than the smallest stable one and as good with their first seed. They got
several seeds afterwards, since otherwise the smallest stable one would not be known."""
NAMED = -1
"""Stratum of the candidates that the study names."""


class Stratum(NamedTuple):
    """Range of generator sizes, from `low` to below `high`."""

    low: float
    high: float
    wanted: int
    repeated: int
    """Number of the wanted candidates that are trained with several seeds."""


WANTED = (12, 14, 28, 28, 28, 26, 20, 18, 17, 17)
REPEATED = (1, 1, 7, 8, 8, 7, 6, 4, 3, 3)
"""Few in the smallest two strata, where only a latent of 1 fits; most where the front begins."""


def strata_between(
    smallest: float, largest: float, wanted: Sequence[int], repeated: Sequence[int]
) -> list[Stratum]:
    """Return strata of equal width in the logarithm of the size, up to the largest size."""
    edges = [smallest * (largest / smallest) ** (i / len(wanted)) for i in range(len(wanted))]
    return [
        Stratum(*fields)
        for fields in zip(edges, [*edges[1:], largest + 1], wanted, repeated, strict=True)
    ]


def parameters_of(space: SearchSpace, candidate: Candidate) -> dict[str, Scalar]:
    """Return the values of the searched fields, by their names in the study's storage."""
    return {
        f"{role}.{field}": getattr(getattr(candidate, role), field)
        for role, (option,) in space.options.items()
        for field in option.domains
    }


def candidate_of(space: SearchSpace, parameters: Mapping[str, Scalar]) -> Candidate:
    """Return the candidate with these values."""
    return space.draw(FixedTrial(dict(parameters)))


def choose(study: Study, strata: Sequence[Stratum]) -> list[dict[str, Any]]:
    """Choose candidates, ordered so that any prefix has about the same share of each stratum."""
    chosen = [
        (
            ((rank + 0.5) / strata[i].wanted, i),
            described(study, candidate, i, repeated=rank < strata[i].repeated),
        )
        for i, rank, candidate in _drawn(study, strata)
    ]
    outright = [study.space.baseline_parameters, *study.space.queued_parameters]
    named = [
        described(study, candidate_of(study.space, values), NAMED, repeated=True)
        for values in outright
    ]
    ordered = [*named, *(row for _, row in sorted(chosen, key=lambda pair: pair[0]))]
    rows = [{"number": number, **row} for number, row in enumerate(ordered)]
    return [row | ({"seeds": SEEDS} if row["number"] in IN_DOUBT else {}) for row in rows]


def described(
    study: Study, candidate: Candidate, stratum: int, *, repeated: bool
) -> dict[str, Any]:
    """Return a candidate as a line of the file."""
    return {
        "identity": candidate.identity,
        "stratum": stratum,
        "seeds": SEEDS if repeated else 1,
        "generator_params": int(study.sizes(candidate)["generator_params"]),
        "parameters": parameters_of(study.space, candidate),
    }


def _drawn(study: Study, strata: Sequence[Stratum]) -> Iterator[tuple[int, int, Candidate]]:
    """Yield random candidates as (stratum, rank in it, candidate) until all strata are full."""
    source = RandomSource(SEED)
    have = [0] * len(strata)
    while any(count < stratum.wanted for count, stratum in zip(have, strata, strict=True)):
        candidate = study.space.draw(source)
        sizes = study.sizes(candidate)
        if any(bounds.violation(sizes[name]) for name, bounds in study.spec.constraints.items()):
            continue
        size = sizes["generator_params"]
        i = next(
            (i for i, stratum in enumerate(strata) if stratum.low <= size < stratum.high), None
        )
        if i is not None and have[i] < strata[i].wanted:
            yield i, have[i], candidate
            have[i] += 1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=CANDIDATES)
    options = parser.parse_args()
    study = Study.load(STUDY)
    largest = study.spec.constraints["generator_params"].max
    assert largest is not None
    # The smallest generator of the space has 311 parameters.
    strata = strata_between(300, largest, WANTED, REPEATED)
    rows = choose(study, strata)
    write_atomically(options.out, "".join(json.dumps(row) + "\n" for row in rows).encode())
    middle = median(row["generator_params"] for row in rows)
    print(
        f"{len(rows)} candidates, {sum(row['seeds'] for row in rows)} runs, "
        f"median of {middle:,.0f} parameters"
    )


if __name__ == "__main__":
    main()
