from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.messages import Decision
from gansearch.ranking.pareto import Objective
from gansearch.search.pruning import RungPruner
from gansearch.signals import HEALTHY
from gansearch.study.spec import PruningSpec
from gansearch.trial_record import Rung, TrialRecord

SIZE, MMD = Objective("generator_params", "minimize", is_size=True), Objective("mmd", "minimize")
LATENCY = Objective("latency_ms_1", "minimize", is_cost=True)
COVERAGE = Objective("coverage", "maximize")


def healthy(number, size, at_rung, final, metric="mmd"):
    """A healthy trial with a quality after 100 steps and a final one."""
    return TrialRecord(
        number,
        "complete",
        {},
        sizes={"generator_params": size},
        verdict=HEALTHY,
        metrics={metric: final},
        rungs=(Rung(100, {metric: at_rung}),),
    )


def decide(value, size, *others, objectives=(SIZE, MMD), **changes):
    spec = PruningSpec(**{"min_healthy_trials": 1, "noise": 0.1, "margin": 1.0} | changes)
    rungs = [Rung(100, {objectives[1].metric: value})]
    return RungPruner(spec, objectives, {}).decide({"generator_params": size}, rungs, others)


def is_stopped(*run, **changes):
    return decide(*run, **changes).decision is Decision.STOP


def pausing(reference=None):
    spec = PruningSpec(min_healthy_trials=1)
    return RungPruner(spec, (SIZE, MMD), reference or {}, pauses=True)


def test_a_run_that_could_at_best_end_worse_than_a_smaller_one_is_stopped():
    decision = decide(200, 1000, healthy(3, 900, 100, 50))  # at best 100, like trial 3
    assert (decision.decision, decision.dominated_by) == (Decision.STOP, (3,))
    assert decision.reason == (
        "mmd 200 at step 100 could at best end at 90.9; trial 3, which is no larger, has 50"
    )


def test_a_run_that_might_still_be_as_good_continues():
    assert not is_stopped(109, 1000, healthy(3, 900, 100, 50))  # at best 54.5, within 10 % of 50


def test_a_run_is_credited_with_the_largest_improvement_known():
    others = healthy(3, 900, 100, 50), healthy(4, 5000, 400, 90)
    assert not is_stopped(200, 1000, *others)  # at best 45


def test_no_run_is_compared_with_a_larger_one():
    assert not is_stopped(900, 1000, healthy(3, 1001, 100, 50))


def test_a_trial_of_the_same_size_is_no_larger():
    assert is_stopped(900, 1000, healthy(3, 1000, 100, 50))


def test_no_run_is_stopped_before_enough_trials_are_healthy():
    assert not is_stopped(900, 1000, healthy(3, 900, 100, 50), min_healthy_trials=2)


def test_a_run_without_a_figure_is_stopped():
    assert is_stopped(float("nan"), 1000, healthy(3, 900, 100, 50))


def test_a_quality_to_maximize_is_compared_the_other_way_round():
    other, objectives = healthy(3, 900, 0.1, 0.2, "coverage"), (SIZE, COVERAGE)
    assert is_stopped(0.05, 1000, other, objectives=objectives)
    assert not is_stopped(0.095, 1000, other, objectives=objectives)


def test_where_runs_can_be_promoted_one_is_paused_by_the_usual_improvement():
    others = healthy(3, 900, 100, 50), healthy(4, 5000, 400, 90)
    decision = pausing().decide({"generator_params": 1000}, [Rung(100, {"mmd": 200})], others)
    assert decision.decision is Decision.PAUSE
    # 200 over the geometric mean of 2 and 4.44
    assert "is expected to end at 67.1" in decision.reason


def test_where_runs_can_be_promoted_every_run_is_paused_at_its_first_rung_and_no_other():
    others = healthy(3, 5000, 100, 50), healthy(4, 5000, 100, 40)
    sizes, first, second = {"generator_params": 1000}, Rung(50, {"mmd": 20}), Rung(100, {"mmd": 20})
    decision = pausing().decide(sizes, [second], others)
    assert (decision.decision, decision.dominated_by) == (Decision.PAUSE, (4, 3))
    assert decision.reason.endswith("paused until no other candidate promises more")
    assert pausing().decide(sizes, [first, second], others).decision is Decision.CONTINUE


def test_the_best_rung_of_a_run_counts():
    pruner = RungPruner(PruningSpec(min_healthy_trials=1, noise=0.1, margin=1.0), (SIZE, MMD), {})
    rungs = [Rung(50, {"mmd": 100}), Rung(100, {"mmd": 200})]
    decision = pruner.decide({"generator_params": 1000}, rungs, [healthy(3, 900, 100, 50)])
    assert decision.decision is Decision.CONTINUE


runs = st.tuples(st.integers(100, 10_000), st.floats(1, 500), st.floats(1, 500))


@given(st.lists(runs, min_size=1, max_size=8), st.integers(100, 10_000), st.floats(0.01, 1))
def test_a_run_better_already_than_all_that_are_no_larger_is_never_stopped(others, size, share):
    records = [healthy(i, *run) for i, run in enumerate(others)]
    value = share * min((final for other, _, final in others if other <= size), default=500)
    assert not is_stopped(value, size, *records, noise=0.14)


@pytest.mark.parametrize("pauses", [False, True])
def test_a_study_without_a_quality_stops_no_run(pauses):
    pruner = RungPruner(PruningSpec(min_healthy_trials=1), (SIZE,), {}, pauses)
    decision = pruner.decide(
        {"generator_params": 1000}, [Rung(100, {})], [healthy(3, 900, 100, 50)]
    )
    assert decision.decision is Decision.CONTINUE


def test_a_run_expected_to_end_beyond_the_reference_is_paused_even_if_nothing_is_as_small():
    others = (healthy(3, 5000, 100, 50),)
    sizes, rungs = {"generator_params": 1000}, [Rung(50, {"mmd": 300}), Rung(100, {"mmd": 200})]
    near = pausing({"generator_params": 9000, "mmd": 80})
    assert near.decide(sizes, rungs, others).reason.endswith(
        "is expected to end at 100; trial 3, within the reference, has 50"
    )
    for pruner in (
        pausing({"generator_params": 9000, "mmd": 120}),
        replace(near, pauses=False),
    ):
        assert pruner.decide(sizes, rungs, others).decision is Decision.CONTINUE


@pytest.mark.parametrize(
    ("milliseconds", "expected"), [(2.0, Decision.STOP), (0.5, Decision.CONTINUE)]
)
def test_a_run_that_is_faster_than_its_rivals_keeps_its_place(milliseconds, expected):
    other = healthy(3, 900, 100, 50)
    other = replace(other, metrics={**other.metrics, "latency_ms_1": 1.0})
    rungs = [Rung(100, {"mmd": 200, "latency_ms_1": milliseconds})]
    spec = PruningSpec(min_healthy_trials=1, noise=0.1, margin=1.0)
    pruner = RungPruner(spec, (SIZE, LATENCY, MMD), {})
    assert pruner.decide({"generator_params": 1000}, rungs, [other]).decision is expected


def test_a_run_of_unknown_latency_is_not_stopped():
    other = healthy(3, 900, 100, 50)
    other = replace(other, metrics={**other.metrics, "latency_ms_1": 1.0})
    decision = decide(200, 1000, other, objectives=(SIZE, MMD, LATENCY)).decision
    assert decision is Decision.CONTINUE
