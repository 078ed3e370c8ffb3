import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.ranking.pareto import Objective, pareto_front
from gansearch.ranking.tradeoff import knee_of, steps_down
from gansearch.signals import HEALTHY
from gansearch.trial_record import TrialRecord

SIZE, MMD = Objective("generator_params", "minimize", is_size=True), Objective("mmd", "minimize")
COVERAGE = Objective("coverage", "maximize")


def test_the_knee_lies_farthest_below_the_chord_in_decades_of_size(trial):
    records = [trial(0, 10_000, 1.0), trial(1, 1_000, 2.0), trial(2, 100, 6.0), trial(3, 10, 10.0)]
    assert knee_of(pareto_front(records, [SIZE, MMD])).number == 1


def test_the_knee_follows_the_direction(trial):
    qualities = {0: (1000, 0.30), 1: (100, 0.28), 2: (10, 0.1)}
    records = [
        trial(n, size, quality, metric="coverage") for n, (size, quality) in qualities.items()
    ]
    assert knee_of(pareto_front(records, [SIZE, COVERAGE])).number == 1


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(100, 1.0)],
        [(100, 1.0), (10, 2.0)],
        [(1000, 1.0), (100, 2.0), (10, 3.0)],
        [(100, 1.0)] * 3,
    ],
)
def test_a_front_that_does_not_bend_has_no_knee(trial, points):
    assert (
        knee_of(pareto_front([trial(n, *point) for n, point in enumerate(points)], [SIZE, MMD]))
        is None
    )


def test_a_front_that_bulges_outwards_has_no_knee(trial):
    assert (
        knee_of(
            pareto_front([trial(0, 1000, 1.0), trial(1, 100, 8.0), trial(2, 10, 9.0)], [SIZE, MMD])
        )
        is None
    )


@given(st.lists(st.tuples(st.integers(1, 10**7), st.floats(-10, 1000)), max_size=8))
def test_the_knee_is_neither_end_of_the_front(points):
    records = [
        TrialRecord(
            n,
            "complete",
            {},
            sizes={"generator_params": size},
            metrics={"mmd": mmd},
            verdict=HEALTHY,
        )
        for n, (size, mmd) in enumerate(points)
    ]
    front = pareto_front(records, [SIZE, MMD])
    knee = knee_of(front)
    assert knee is None or knee in front.trials[1:-1]


def test_a_step_down_tells_what_a_smaller_size_costs(trial):
    front = pareto_front([trial(0, 1000, 5.0), trial(1, 550, 5.3), trial(2, 50, 9.0)], [SIZE, MMD])
    steps = steps_down(front, SIZE, MMD, noise=0.24)
    assert {number: step.to_json() for number, step in steps.items()} == {
        1: {"from": 0, "size": -0.45, "quality": pytest.approx(0.06), "within_noise": True},
        2: {
            "from": 1,
            "size": pytest.approx(-500 / 550),
            "quality": pytest.approx(3.7 / 5.3),
            "within_noise": False,
        },
    }


def test_a_step_down_costs_coverage_where_more_is_better(trial):
    records = [trial(0, 100, 0.4, metric="coverage"), trial(1, 50, 0.3, metric="coverage")]
    step = steps_down(pareto_front(records, [SIZE, COVERAGE]), SIZE, COVERAGE, noise=0.24)[1]
    assert (step.quality, step.within_noise) == (pytest.approx(-0.25), False)


def test_a_step_from_a_quality_of_zero_has_no_share(trial):
    step = steps_down(
        pareto_front([trial(0, 100, 0.0), trial(1, 50, 1.0)], [SIZE, MMD]), SIZE, MMD, noise=0.24
    )[1]
    assert (step.size, step.quality, step.within_noise) == (-0.5, None, False)


def test_a_front_without_a_size_has_no_steps_down(trial):
    front = pareto_front([trial(0, 100, 5.0)], [MMD])
    assert steps_down(front, SIZE, MMD, noise=0.24) == {}
    assert steps_down(front, SIZE, None, noise=0.24) == {}
