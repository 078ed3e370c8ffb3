import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.ranking.pareto import Objective, hypervolume
from gansearch.search.bayesian.acquisition import Goal, HypervolumeImprovement, TrainingSet
from gansearch.signals import HEALTHY, Verdict
from gansearch.trial_record import Rung, TrialRecord

SIZE, MMD = Objective("generator_params", "minimize", is_size=True), Objective("mmd", "minimize")
COLLAPSE = Verdict("mode-collapse", 500)
GOAL = Goal(SIZE, MMD, {"generator_params": 10_000, "mmd": 100}, min_healthy_trials=1)


def record(number, size, mmd, **fields):
    known = {"state": "complete", "verdict": HEALTHY, "metrics": {"mmd": mmd} if mmd else {}}
    return TrialRecord(number, parameters={}, sizes={"generator_params": size}, **known | fields)


@pytest.fixture
def staircase():
    return HypervolumeImprovement.of(
        [record(0, 5000, 20), record(1, 1000, 50), record(2, 2000, 60)], GOAL
    )


def test_the_level_is_the_best_quality_that_there_is_at_no_more_than_a_size(staircase):
    assert [
        math.exp(staircase.level(math.log10(size))) for size in (999, 1000, 4999, 6000)
    ] == pytest.approx([100, 50, 50, 20])


def test_there_is_no_staircase_without_a_healthy_trial_or_a_reference():
    assert HypervolumeImprovement.of([], Goal(SIZE, MMD, {}, min_healthy_trials=1)) is None


def test_what_is_certain_gains_just_what_it_adds_to_the_hypervolume(staircase):
    mine = (math.log10(1500), math.log(30))
    points = list(staircase.steps)
    gained = hypervolume([*points, mine], staircase.corner) - hypervolume(points, staircase.corner)
    assert staircase.gain(*np.array([[mine[0]], [mine[1]], [1e-9]])) == pytest.approx([gained])


point = st.tuples(st.floats(2, 3.9), st.floats(0, 4.5))


@given(st.lists(point, max_size=4), point, st.floats(0.05, 1))
def test_the_expected_gain_is_the_mean_of_what_is_gained(points, mine, deviation):
    corner = (4.0, math.log(100))
    front = [p for p in points if not any(o != p and o[0] <= p[0] and o[1] <= p[1] for o in points)]
    staircase = HypervolumeImprovement(tuple(sorted(front)), corner)
    before = hypervolume(front, corner)
    # Quantiles in the middle of 400 equal shares of the normal distribution.
    costs = mine[1] + deviation * np.sqrt(2) * _inverse_error((np.arange(400) + 0.5) / 200 - 1)
    gained = np.mean([hypervolume([*front, (mine[0], cost)], corner) - before for cost in costs])
    assert staircase.gain(*np.array([[mine[0]], [mine[1]], [deviation]])) == pytest.approx(
        [gained], abs=0.01
    )


def _inverse_error(values):
    from scipy.special import erfinv

    return erfinv(values)


def test_what_was_set_aside_counts_as_foretold_and_what_failed_for_its_health_alone():
    failed = {"state": "pruned", "verdict": Verdict("mode-collapse", 500), "steps": 500}
    aside = {
        "state": "pruned",
        "dominated_by": (0,),
        "rungs": (Rung(100, {"mmd": 120.0}),),
        "steps": 100,
    }
    records = [
        record(0, 5000, 20.0, rungs=(Rung(100, {"mmd": 40.0}),)),
        record(1, 1000, None, **failed),
        record(2, 2000, None, **aside),
        record(3, 2000, None, **aside, retried=True),
        record(4, 9000, None, state="pruned", rejected=True),
    ]
    evidence = TrainingSet.of(records, GOAL)
    assert [(r.number, math.exp(cost)) for r, cost, _ in evidence.costs] == [
        (0, pytest.approx(20)),
        (2, pytest.approx(60)),
    ]
    assert [(r.number, health) for r, health, _ in evidence.health] == [(0, 1.0), (1, 0.0)]
    assert [r.number for r, _ in evidence.aside] == [2]


def test_a_run_that_was_set_aside_tells_of_its_health_as_far_as_it_is_foretold():
    records = [
        record(0, 5000, 20.0, rungs=(Rung(100, {"mmd": 40.0, "coverage": 0.05}),)),
        record(
            1,
            1000,
            None,
            state="pruned",
            verdict=COLLAPSE,
            rungs=(Rung(100, {"mmd": 90.0, "coverage": 0.001}),),
        ),
        record(
            2,
            2000,
            None,
            state="pruned",
            dominated_by=(0,),
            rungs=(Rung(100, {"mmd": 50.0, "coverage": 0.04}),),
        ),
        record(3, 2000, None, state="pruned", dominated_by=(0,), rungs=(Rung(100, {"mmd": 50.0}),)),
    ]
    *known, (foretold, chance, doubt) = TrainingSet.of(records, GOAL).health
    assert [(r.number, health, doubt) for r, health, doubt in known] == [
        (0, 1.0, 0.0),
        (1, 0.0, 0.0),
    ]
    assert foretold.number == 2
    assert 0.5 < chance < 1.0
    assert doubt == pytest.approx(math.sqrt(chance * (1 - chance)))
