from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.ranking.pareto import Objective
from gansearch.search.pruning import RungPruner
from gansearch.signals import HEALTHY
from gansearch.study.spec import PruningSpec
from gansearch.trial_record import Rung, TrialRecord

SIZE, MMD = Objective("generator_params", "minimize", is_size=True), Objective("mmd", "minimize")
COVERAGE = Objective("coverage", "maximize")


def healthy(number, size, at_rung, final, metric="mmd"):
    """A trial that was worth something after 100 steps, and something at its end."""
    return TrialRecord(
        number,
        "complete",
        {},
        sizes={"generator_params": size},
        verdict=HEALTHY,
        metrics={metric: final},
        rungs=(Rung(100, {metric: at_rung}),),
    )


def look(value, size, *others, axes=(SIZE, MMD), **changes):
    spec = PruningSpec(**{"min_healthy_trials": 1, "noise": 0.1, "margin": 1.0} | changes)
    pruner = RungPruner(spec, axes, {})
    return pruner.look({"generator_params": size}, [Rung(100, {axes[1].metric: value})], others)


def test_a_run_that_could_at_best_end_worse_than_a_smaller_one_is_given_up():
    outdone = look(200, 1000, healthy(3, 900, 100, 50))  # at best 100, by the only precedent
    assert outdone.by == (3,)
    assert outdone.reason == (
        "mmd 200 at step 100 could at best end with 90.9; trial 3, no larger, has 50"
    )


def test_a_run_that_might_still_be_as_good_goes_on():
    assert look(109, 1000, healthy(3, 900, 100, 50)) is None  # at best 54.5, within 10 % of 50


def test_a_run_is_granted_the_largest_improvement_that_is_known():
    assert (
        look(200, 1000, healthy(3, 900, 100, 50), healthy(4, 5000, 400, 90)) is None
    )  # at best 45


def test_nobody_is_held_against_a_larger_one():
    assert look(900, 1000, healthy(3, 1001, 100, 50)) is None


def test_of_the_same_size_is_no_larger():
    assert look(900, 1000, healthy(3, 1000, 100, 50)) is not None


def test_nobody_is_given_up_before_there_are_precedents():
    assert look(900, 1000, healthy(3, 900, 100, 50), min_healthy_trials=2) is None


def test_what_is_worth_nothing_at_all_is_given_up():
    assert look(float("nan"), 1000, healthy(3, 900, 100, 50)) is not None


def test_a_quality_that_should_be_large_is_compared_the_other_way_round():
    precedent = healthy(3, 900, 0.1, 0.2, "coverage")
    assert look(0.05, 1000, precedent, axes=(SIZE, COVERAGE)) is not None
    assert look(0.095, 1000, precedent, axes=(SIZE, COVERAGE)) is None


def test_where_it_can_be_taken_up_again_a_run_is_set_aside_by_the_usual_improvement():
    others = healthy(3, 900, 100, 50), healthy(4, 5000, 400, 90)
    pruner = RungPruner(PruningSpec(min_healthy_trials=1), (SIZE, MMD), {}, sets_aside=True)
    outdone = pruner.look({"generator_params": 1000}, [Rung(100, {"mmd": 200})], others)
    assert (
        "would, as a rule, end with 67.1" in outdone.reason
    )  # 200 over the geometric mean of 2 and 4.44


def test_where_it_can_be_taken_up_again_every_run_waits_at_its_first_rung_until_nothing_promises_more():
    others = healthy(3, 5000, 100, 50), healthy(4, 5000, 100, 40)
    pruner = RungPruner(PruningSpec(min_healthy_trials=1), (SIZE, MMD), {}, sets_aside=True)
    waits = pruner.look({"generator_params": 1000}, [Rung(100, {"mmd": 20})], others)
    assert (waits.by, waits.reason.rpartition("; ")[2]) == (
        (4, 3),
        "it waits until nothing else promises more",
    )
    assert (
        pruner.look(
            {"generator_params": 1000}, [Rung(50, {"mmd": 20}), Rung(100, {"mmd": 20})], others
        )
        is None
    )


def test_it_goes_by_the_best_that_a_run_has_been():
    others = [healthy(3, 900, 100, 50)]
    pruner = RungPruner(PruningSpec(min_healthy_trials=1, noise=0.1, margin=1.0), (SIZE, MMD), {})
    rungs = [Rung(50, {"mmd": 100}), Rung(100, {"mmd": 200})]
    assert pruner.look({"generator_params": 1000}, rungs, others) is None


runs = st.tuples(st.integers(100, 10_000), st.floats(1, 500), st.floats(1, 500))


@given(st.lists(runs, min_size=1, max_size=8), st.integers(100, 10_000), st.floats(0.01, 1))
def test_whoever_is_better_already_than_all_that_are_no_larger_is_never_given_up(
    others, size, share
):
    records = [healthy(i, *run) for i, run in enumerate(others)]
    value = share * min((final for other, _, final in others if other <= size), default=500)
    pruner = RungPruner(PruningSpec(min_healthy_trials=1), (SIZE, MMD), {})
    assert pruner.look({"generator_params": size}, [Rung(100, {"mmd": value})], records) is None


@pytest.mark.parametrize("sets_aside", [False, True])
def test_a_study_without_a_quality_gives_nobody_up(sets_aside):
    pruner = RungPruner(PruningSpec(min_healthy_trials=1), (SIZE,), {}, sets_aside)
    assert (
        pruner.look({"generator_params": 1000}, [Rung(100, {})], [healthy(3, 900, 100, 50)]) is None
    )


def test_what_would_end_beyond_the_reference_is_set_aside_even_if_nothing_is_as_small():
    others = (healthy(3, 5000, 100, 50),)
    pruner = RungPruner(
        PruningSpec(min_healthy_trials=1),
        (SIZE, MMD),
        {"generator_params": 9000, "mmd": 80},
        sets_aside=True,
    )
    rungs = [Rung(50, {"mmd": 300}), Rung(100, {"mmd": 200})]
    assert "would, as a rule, end with 100; trial 3, within the reference, has 50" in (
        pruner.look({"generator_params": 1000}, rungs, others).reason
    )
    assert (
        replace(pruner, reference={"generator_params": 9000, "mmd": 120}).look(
            {"generator_params": 1000}, rungs, others
        )
        is None
    )
    assert replace(pruner, sets_aside=False).look({"generator_params": 1000}, rungs, others) is None
