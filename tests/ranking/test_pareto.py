import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.ranking.pareto import Objective, Reference, hypervolume, objectives_of, pareto_front

SIZE, MMD = Objective("generator_params", "minimize", is_size=True), Objective("mmd", "minimize")
COVERAGE = Objective("coverage", "maximize")


def numbers(front):
    return [record.number for record in front.trials]


def test_a_metric_that_trials_have_among_their_sizes_is_a_size(study, trial):
    assert objectives_of(study(), [trial(0, 100, 5.0)]) == (SIZE, MMD)


def test_the_front_goes_from_the_smallest_to_the_best(trial):
    records = [trial(0, 100, 5.0), trial(1, 50, 6.0), trial(2, 60, 7.0), trial(3, 10, 9.0)]
    assert numbers(pareto_front(records, [SIZE, MMD])) == [3, 1, 0]


def test_more_is_better_where_the_objective_says_so(trial):
    records = [
        trial(i, size, q, metric="coverage")
        for i, (size, q) in enumerate([(100, 0.3), (50, 0.2), (60, 0.1)])
    ]
    assert numbers(pareto_front(records, [SIZE, COVERAGE])) == [1, 0]


@pytest.mark.parametrize("verdict", ["suspect", "mode-collapse", "convergence-failure", "diverged"])
def test_a_trial_that_is_not_healthy_is_never_ranked(trial, verdict):
    records = [
        trial(0, 100, 5.0),
        trial(1, 1, 0.001, verdict),
        trial(2, 1, 0.001, verdict, state="complete"),
    ]
    front = pareto_front(records, [SIZE, MMD])
    assert numbers(front) == [0]
    assert len(front.healthy) == 1


def test_a_trial_without_a_finite_figure_is_not_ranked(trial):
    records = [
        trial(0, 100, float("nan")),
        trial(1, 100, float("-inf")),
        trial(2, 100, None),
        trial(3, 100, 1.0),
    ]
    assert numbers(pareto_front(records, [SIZE, MMD])) == [3]


def test_only_the_first_run_of_a_candidate_is_ranked(trial):
    records = [trial(0, 100, 5.0, identity="same"), trial(1, 100, 4.0, identity="same")]
    front = pareto_front(records, [SIZE, MMD])
    assert numbers(front) == [0]
    assert len(front.healthy) == 2


def test_equal_trials_are_on_the_front_together(trial):
    assert numbers(pareto_front([trial(0, 100, 5.0), trial(1, 100, 5.0)], [SIZE, MMD])) == [0, 1]


def decades(above, below):
    return math.log10(above / below)


def test_the_reference_is_the_baselines_size_and_twice_its_quality(trial):
    front = pareto_front([trial(0, 1000, 4.0), trial(1, 100, 6.0), trial(2, 10, 9.0)], [SIZE, MMD])
    assert front.reference == Reference((1000, 8.0), "baseline")
    assert front.hypervolume == pytest.approx(decades(1000, 100) * (8.0 - 6.0))


def test_halving_counts_the_same_at_any_size(trial):
    small, large = ([trial(0, 6 * k, 2.0), trial(1, 3 * k, 2.0)] for k in (1_000, 10_000))
    assert pareto_front(small, [SIZE, MMD]).hypervolume == pytest.approx(2 * math.log10(2))
    assert pareto_front(large, [SIZE, MMD]).hypervolume == pytest.approx(2 * math.log10(2))


@pytest.mark.parametrize(
    ("objective", "quality", "reference"),
    [
        (MMD, 4.0, 8.0),
        (MMD, -1.0, 0.0),
        (MMD, 0.0, 1.0),
        (COVERAGE, 0.3, 0.0),
        (COVERAGE, 0.0, -1.0),
    ],
)
def test_the_baselines_quality_is_worse_by_its_magnitude_or_by_one(
    trial, objective, quality, reference
):
    front = pareto_front([trial(0, 100, quality, metric=objective.metric)], [SIZE, objective])
    assert front.reference == Reference((100, reference), "baseline")


def test_a_worse_trial_does_not_move_the_reference(trial):
    before = [trial(0, 1000, 4.0), trial(1, 100, 6.0)]
    after = [*before, trial(2, 5_000, 90.0), trial(3, 2, 50.0)]
    assert (
        pareto_front(before, [SIZE, MMD]).hypervolume
        == pareto_front(after, [SIZE, MMD]).hypervolume
    )


def test_the_study_may_state_the_reference(trial):
    records, stated = [trial(0, 1000, 4.0)], {"mmd": 5.0, "generator_params": 10_000}
    front = pareto_front(records, [SIZE, MMD], stated)
    assert front.reference == Reference((10_000, 5.0), "study")
    assert front.hypervolume == pytest.approx(1.0)
    assert pareto_front(records, [SIZE, COVERAGE], stated).reference is None


def test_without_a_healthy_baseline_the_reference_lies_a_tenth_behind_the_worst(trial):
    records = [trial(0, 500, None, "diverged"), trial(1, 100, 1.0), trial(2, 50, 2.0)]
    front = pareto_front(records, [SIZE, MMD])
    assert front.reference.of == "worst healthy trial"
    assert front.reference.values == pytest.approx((110, 2.2))


def test_a_size_of_zero_has_no_volume(trial):
    front = pareto_front([trial(0, 100, 4.0), trial(1, 0, 5.0)], [SIZE, MMD])
    assert numbers(front) == [1, 0]
    assert front.hypervolume == 0.0


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
        ([(1.0, 1.0), (0.0, 3.0), (5.0, 0.0), (-math.inf, 0.0)], (2.0, 2.0), 1.0),
        ([(0.0, 2.0)], (2.0, 2.0), 0.0),
    ],
)
def test_the_hypervolume_of_known_shapes(points, reference, volume):
    assert hypervolume(points, reference) == pytest.approx(volume)


WHOLE = st.integers(
    -3, 8
)  # whole numbers, whose volumes are exact, some of them beyond the reference


@st.composite
def boxes(draw):
    """Points of one to four objectives, and a reference."""
    n = draw(st.integers(1, 4))
    return draw(st.lists(st.tuples(*[WHOLE] * n), max_size=6)), draw(st.tuples(*[WHOLE] * n))


def volume_of_intersection(points, reference):
    nearest = map(max, zip(*points, strict=True))
    return math.prod(max(0, r - c) for r, c in zip(reference, nearest, strict=True))


def inclusion_exclusion(points, reference):
    """The volume of a union of boxes by the volumes of their intersections."""
    sizes = range(1, len(points) + 1)
    return sum(
        (-1) ** (n + 1) * volume_of_intersection(some, reference)
        for n in sizes
        for some in combinations(points, n)
    )


@given(boxes())
def test_the_hypervolume_is_that_of_a_union_of_boxes(given_boxes):
    points, reference = given_boxes
    assert hypervolume(points, reference) == inclusion_exclusion(points, reference)


@given(boxes(), st.randoms())
def test_the_hypervolume_does_not_depend_on_the_order(given_boxes, random):
    points, reference = given_boxes
    assert hypervolume(random.sample(points, len(points)), reference) == hypervolume(
        points, reference
    )


@given(boxes(), st.data())
def test_another_point_never_lowers_the_hypervolume(given_boxes, data):
    points, reference = given_boxes
    one = data.draw(st.tuples(*[WHOLE] * len(reference)))
    assert hypervolume([*points, one], reference) >= hypervolume(points, reference)


@given(boxes(), st.data())
def test_a_dominated_point_changes_no_hypervolume(given_boxes, data):
    points, reference = given_boxes
    for point in points[:1]:
        worse = tuple(c + data.draw(st.integers(0, 3)) for c in point)
        assert hypervolume([*points, worse], reference) == hypervolume(points, reference)
