"""A search whose trials a PostgreSQL server keeps: the same one as in its run folder."""

from contextlib import suppress

import pytest
from support.stubs import InlineExecutor, KilledError

from gansearch.ranking.pareto import objectives_of, pareto_front


@pytest.mark.parametrize(
    "sampler",
    ["shrink", *(pytest.param(name, marks=pytest.mark.campaign) for name in ("tpe", "nsga2"))],
)
def test_the_same_seed_gives_the_same_trials_and_front_as_in_sqlite(
    search, make_spec, database, sampler
):
    overrides = (f"search.sampler={sampler}", "search.trials=12")
    records = search(InlineExecutor(slots=2), *overrides, folder="sqlite").records()
    shared = search(
        InlineExecutor(slots=2), *overrides, f"storage={database}", folder="shared"
    ).records()
    assert shared == records
    fronts = [
        pareto_front(found, objectives_of(make_spec(), found)).trials for found in (records, shared)
    ]
    assert fronts[0] == fronts[1] != ()


def test_a_search_whose_driver_died_goes_on_and_ends_with_the_same_trials(search, database):
    def found(store):
        return [(record.parameters, record.figures) for record in store.records() if record.ended]

    whole = found(search(InlineExecutor(), "search.trials=6", folder="whole"))
    shared = ("search.trials=6", f"storage={database}")
    with suppress(KilledError):
        search(InlineExecutor(dies_after=3), *shared)
    assert found(search(InlineExecutor(), *shared)) == whole
