import math

import pytest

from gansearch.ranking.pareto import Objective
from gansearch.search.bayesian.acquisition import Goal
from gansearch.search.bayesian.surrogate import TrainingSet
from gansearch.signals import HEALTHY, Verdict
from gansearch.trial_record import Rung, TrialRecord

SIZE, MMD = Objective("generator_params", "minimize", is_size=True), Objective("mmd", "minimize")
COLLAPSE = Verdict("mode-collapse", 500)
GOAL = Goal(SIZE, MMD, {"generator_params": 10_000, "mmd": 100}, min_healthy_trials=1)


def record(number, size, mmd, **fields):
    known = {"state": "complete", "verdict": HEALTHY, "metrics": {"mmd": mmd} if mmd else {}}
    return TrialRecord(number, parameters={}, sizes={"generator_params": size}, **known | fields)


def paused(number, size, **metrics):
    rungs = (Rung(100, metrics),)
    return record(number, size, None, state="paused", dominated_by=(0,), rungs=rungs, steps=100)


def test_paused_trials_give_an_extrapolated_cost_and_failed_ones_their_health_alone():
    failed = {"state": "pruned", "verdict": COLLAPSE, "steps": 500}
    records = [
        record(0, 5000, 20.0, rungs=(Rung(100, {"mmd": 40.0}),)),
        record(1, 1000, None, **failed),
        paused(2, 2000, mmd=120.0),
    ]
    training = TrainingSet.of(records, GOAL)
    assert [(one.record.number, math.exp(one.target)) for one in training.costs] == [
        (0, pytest.approx(20)),
        (2, pytest.approx(60)),
    ]
    assert [(one.record.number, one.target) for one in training.health] == [(0, 1.0), (1, 0.0)]
    assert [trial.number for trial, _ in training.paused] == [2]


def test_a_paused_trial_counts_as_healthy_with_the_probability_that_its_coverage_gives():
    collapsing = (Rung(100, {"mmd": 90.0, "coverage": 0.001}),)
    records = [
        record(0, 5000, 20.0, rungs=(Rung(100, {"mmd": 40.0, "coverage": 0.05}),)),
        record(1, 1000, None, state="pruned", verdict=COLLAPSE, rungs=collapsing),
        paused(2, 2000, mmd=50.0, coverage=0.04),
        paused(3, 2000, mmd=50.0),
    ]
    *judged, predicted = TrainingSet.of(records, GOAL).health
    assert [(one.record.number, one.target, one.std) for one in judged] == [
        (0, 1.0, 0.0),
        (1, 0.0, 0.0),
    ]
    probability = predicted.target
    assert predicted.record.number == 2
    assert 0.5 < probability < 1.0
    assert predicted.std == pytest.approx(math.sqrt(probability * (1 - probability)))
