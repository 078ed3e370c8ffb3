import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erfinv

from gansearch.ranking.pareto import Objective, hypervolume
from gansearch.search.bayesian.acquisition import Goal, HypervolumeImprovement, SizeReduction
from gansearch.signals import HEALTHY
from gansearch.trial_record import TrialRecord

SIZE, MMD = Objective("generator_params", "minimize", is_size=True), Objective("mmd", "minimize")
GOAL = Goal(SIZE, MMD, {"generator_params": 10_000, "mmd": 100}, min_healthy_trials=1)


def record(number, size, mmd, **fields):
    known = {"state": "complete", "verdict": HEALTHY, "metrics": {"mmd": mmd} if mmd else {}}
    return TrialRecord(number, parameters={}, sizes={"generator_params": size}, **known | fields)


@pytest.fixture
def improvement():
    return HypervolumeImprovement.of(
        [record(0, 5000, 20), record(1, 1000, 50), record(2, 2000, 60)], GOAL
    )


def test_the_level_is_the_best_quality_at_no_larger_size(improvement):
    levels = [improvement.level(math.log10(size)) for size in (999, 1000, 4999, 6000)]
    assert np.exp(levels) == pytest.approx([100, 50, 50, 20])


def test_there_is_no_acquisition_without_a_healthy_trial_or_a_reference():
    assert HypervolumeImprovement.of([], Goal(SIZE, MMD, {}, min_healthy_trials=1)) is None


def test_a_certain_candidate_gains_exactly_what_it_adds_to_the_hypervolume(improvement):
    point = (math.log10(1500), math.log(30))
    front, corner = list(improvement.steps), improvement.corner
    added = hypervolume([*front, point], corner) - hypervolume(front, corner)
    assert improvement.gain(*np.array([[point[0]], [point[1]], [1e-9]])) == pytest.approx([added])


point = st.tuples(st.floats(2, 3.9), st.floats(0, 4.5))


@given(st.lists(point, max_size=4), point, st.floats(0.05, 1))
def test_the_expected_gain_is_the_mean_of_the_gains(points, candidate, std):
    corner = (4.0, math.log(100))
    front = [p for p in points if not any(o != p and o[0] <= p[0] and o[1] <= p[1] for o in points)]
    improvement = HypervolumeImprovement(tuple(sorted(front)), corner)
    before = hypervolume(front, corner)
    # Quantiles in the middle of 400 equal shares of the normal distribution.
    costs = candidate[1] + std * np.sqrt(2) * erfinv((np.arange(400) + 0.5) / 200 - 1)
    gains = [hypervolume([*front, (candidate[0], cost)], corner) - before for cost in costs]
    expected = improvement.gain(*np.array([[candidate[0]], [candidate[1]], [std]]))
    assert expected == pytest.approx([np.mean(gains)], abs=0.01)


def test_what_is_believed_gains_nothing_a_second_time(improvement):
    point = math.log10(1500), math.log(30)
    certain = np.array([[point[0]], [point[1]], [1e-9]])
    assert improvement.gain(*certain) > 0.1
    assert improvement.believing([point]).gain(*certain) == pytest.approx([0.0], abs=1e-6)
    # A worse one changes nothing.
    assert improvement.believing([(math.log10(1500), math.log(55))]) == improvement


def test_a_smaller_model_within_tolerance_is_believed_to_be_the_one_to_beat():
    reduction = SizeReduction((), smallest=3.5, limit=math.log(40))
    believing = reduction.believing([(3.2, math.log(30)), (2.5, math.log(50))])
    assert believing.smallest == 3.2
