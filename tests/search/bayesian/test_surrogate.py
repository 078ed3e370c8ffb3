import math
from dataclasses import replace

import pytest

from gansearch.domains import Choices, IntRange
from gansearch.ranking.pareto import Objective
from gansearch.search.bayesian.acquisition import Goal
from gansearch.search.bayesian.surrogate import (
    Encodings,
    Surrogate,
    SurrogateHyperparameters,
    TrainingSet,
)
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


def test_one_level_that_always_fails_is_told_from_its_neighbour_that_never_does():
    encodings = Encodings.of({"latent": Choices(1, 4, 8, 16, 32, 64)})
    failed = [record(i, 1000, None, state="pruned", verdict=COLLAPSE) for i in range(4)]
    healthy = [record(i, 1000, 20.0 + i) for i in range(4, 12)]
    records = [replace(one, parameters={"latent": 1}) for one in failed]
    records += [replace(one, parameters={"latent": (4, 64)[one.number % 2]}) for one in healthy]
    training = TrainingSet.of(records, GOAL)
    surrogate = Surrogate(training, SurrogateHyperparameters.of(training, encodings), encodings)
    never, always = surrogate.probability_healthy([{"latent": 1}, {"latent": 4}])
    assert never < 0.1
    assert always > 0.9


def test_a_running_trial_is_believed_so_that_less_is_expected_beside_it():
    encodings = Encodings.of({"width": IntRange(2, 64, log=True)})
    records = [
        replace(record(i, 1000 * i + 1000, 60.0 - 8 * i), parameters={"width": 2**i})
        for i in (1, 3, 6)
    ]
    running = replace(
        record(9, 5000, None, state="running", verdict=None), parameters={"width": 20}
    )
    hyperparameters = SurrogateHyperparameters.of(TrainingSet.of(records, GOAL), encodings)
    (alone, beside) = (
        Surrogate(TrainingSet.of(known, GOAL), hyperparameters, encodings).predict_costs(
            [{"width": 21}]
        )
        for known in (records, [*records, running])
    )
    assert beside[0] == pytest.approx(alone[0])
    assert beside[1] < 0.8 * alone[1]
