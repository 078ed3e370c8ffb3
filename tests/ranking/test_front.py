import pytest

from gansearch.ranking.front import Axis, axes_of, hypervolume, pareto_front

SIZE, MMD = Axis("generator_params", "minimize", is_size=True), Axis("mmd", "minimize")
COVERAGE = Axis("coverage", "maximize")


def numbers(front):
    return [record.number for record in front.trials]


def test_a_size_is_known_by_where_trials_keep_it(study, trial):
    assert axes_of(study(), [trial(0, 100, 5.0)]) == (SIZE, MMD)


def test_the_front_goes_from_the_smallest_to_the_best(trial):
    records = [trial(0, 100, 5.0), trial(1, 50, 6.0), trial(2, 60, 7.0), trial(3, 10, 9.0)]
    assert numbers(pareto_front(records, [SIZE, MMD])) == [3, 1, 0]


def test_more_is_better_where_the_objective_says_so(trial):
    records = [trial(i, size, q, metric="coverage") for i, (size, q) in enumerate([(100, 0.3), (50, 0.2), (60, 0.1)])]
    assert numbers(pareto_front(records, [SIZE, COVERAGE])) == [1, 0]


@pytest.mark.parametrize("verdict", ["suspect", "mode-collapse", "convergence-failure", "diverged"])
def test_a_trial_that_is_not_healthy_is_never_ranked(trial, verdict):
    records = [trial(0, 100, 5.0), trial(1, 1, 0.001, verdict), trial(2, 1, 0.001, verdict, state="complete")]
    front = pareto_front(records, [SIZE, MMD])
    assert numbers(front) == [0]
    assert len(front.healthy) == 1


def test_a_trial_without_a_finite_figure_is_not_ranked(trial):
    records = [trial(0, 100, float("nan")), trial(1, 100, float("-inf")), trial(2, 100, None), trial(3, 100, 1.0)]
    assert numbers(pareto_front(records, [SIZE, MMD])) == [3]


def test_of_two_runs_of_one_candidate_the_first_counts(trial):
    records = [trial(0, 100, 5.0, identity="same"), trial(1, 100, 4.0, identity="same")]
    front = pareto_front(records, [SIZE, MMD])
    assert numbers(front) == [0]
    assert len(front.healthy) == 2


def test_equals_stand_on_the_front_together(trial):
    assert numbers(pareto_front([trial(0, 100, 5.0), trial(1, 100, 5.0)], [SIZE, MMD])) == [0, 1]


def test_the_reference_lies_a_tenth_behind_the_worst(trial):
    front = pareto_front([trial(0, 100, 1.0), trial(1, 50, 2.0)], [SIZE, MMD])
    assert front.reference == pytest.approx((110, 2.2))
    assert front.hypervolume == pytest.approx((110 - 50) * (2.2 - 2.0) + (110 - 100) * (2.0 - 1.0))


def test_the_reference_lies_behind_negative_values_too(trial):
    front = pareto_front([trial(0, 100, -1.0), trial(1, 100, -2.0)], [SIZE, MMD])
    assert front.reference == pytest.approx((110, -0.9))
    assert front.hypervolume == pytest.approx(10 * 1.1)


def test_no_healthy_trial_makes_an_empty_front(trial):
    front = pareto_front([trial(0, 100, None, "diverged")], [SIZE, MMD])
    assert (front.trials, front.reference, front.hypervolume) == ((), None, 0.0)


@pytest.mark.parametrize(
    ("points", "reference", "volume"),
    [
        ([(1.0,), (2.0,)], (4.0,), 3.0),
        ([(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)], (4.0, 4.0), 6.0),
        ([(0.0, 0.0, 0.0)], (1.0, 2.0, 3.0), 6.0),
        ([(0.0, 0.0, 1.0), (1.0, 1.0, 0.0)], (2.0, 2.0, 2.0), 4.0 + 1.0),
        ([(1.0, 1.0), (1.0, 1.0)], (2.0, 2.0), 1.0),
    ],
)
def test_the_hypervolume_of_known_shapes(points, reference, volume):
    assert hypervolume(points, reference) == pytest.approx(volume)
