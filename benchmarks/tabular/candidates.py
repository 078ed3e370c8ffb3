"""Choose the candidates of a table before any of them is trained; most of them are small.

    python benchmarks/tabular/candidates.py --table NAME [--out candidates.jsonl]

They are drawn at random from the space of its study.yaml, stratified by the size of the generator
as its plan.yaml says; the study's baseline and its queued candidates come first. The same file is
written each time, one candidate per line.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from optuna.trial import FixedTrial
from tables import SEEDS, Plan, table_argument

from gansearch.candidate import Candidate
from gansearch.domains import Scalar
from gansearch.files import write_atomically
from gansearch.study.search_space import SearchSpace
from gansearch.study.study import Study
from gansearch.testing import RandomSource

SEED = 0
NAMED = -1
"""Stratum of the candidates that the study names."""


class Stratum(NamedTuple):
    """Range of generator sizes, from `low` to below `high`."""

    low: float
    high: float
    wanted: int
    repeated: int
    """Number of the wanted candidates that are trained with several seeds."""


def strata_of(plan: Plan, largest: float) -> list[Stratum]:
    """Return a plan's strata, of equal width in the logarithm of the size, up to the largest."""
    count, growth = len(plan.wanted), largest / plan.smallest
    edges = [plan.smallest * growth ** (i / count) for i in range(count)]
    return [
        Stratum(*fields)
        for fields in zip(edges, [*edges[1:], largest + 1], plan.wanted, plan.repeated, strict=True)
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


def choose(study: Study, plan: Plan) -> list[dict[str, Any]]:
    """Choose candidates, ordered so that any prefix has about the same share of each stratum."""
    largest = study.spec.constraints["generator_params"].max
    assert largest is not None
    strata = strata_of(plan, largest)
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
    return [row | ({"seeds": SEEDS} if row["number"] in plan.in_doubt else {}) for row in rows]


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
    table_argument(parser)
    parser.add_argument("--out", type=Path, help="file; by default the table's own")
    options = parser.parse_args()
    rows = choose(Study.load(options.table.study), options.table.plan)
    out = options.out or options.table.candidates
    write_atomically(out, "".join(json.dumps(row) + "\n" for row in rows).encode())
    middle = median(row["generator_params"] for row in rows)
    print(
        f"{len(rows)} candidates, {sum(row['seeds'] for row in rows)} runs, "
        f"median of {middle:,.0f} parameters"
    )


if __name__ == "__main__":
    main()
