from hypothesis import given
from hypothesis import strategies as st

from gansearch.search.learning_curves import HealthClassifier
from gansearch.signals import HEALTHY, Verdict
from gansearch.trial_record import Rung, TrialRecord

COLLAPSE = Verdict("mode-collapse", 1000)


def covering(*coverages, ended_well, step=100):
    """Trials that have come to a verdict, each with what it covered at a rung."""
    state, verdict = ("complete", HEALTHY) if ended_well else ("pruned", COLLAPSE)
    return [
        TrialRecord(0, state, {}, verdict=verdict, rungs=(Rung(step, {"coverage": c}),))
        for c in coverages
    ]


HEALTHY_ONES = covering(0.02, 0.03, 0.05, 0.03, ended_well=True)
FAILED = covering(0.002, 0.004, 0.003, ended_well=False)


def at(coverage, step=100):
    return Rung(step, {"coverage": coverage})


def test_a_run_that_covers_like_those_that_came_through_is_likely_to():
    prognosis = HealthClassifier(HEALTHY_ONES + FAILED)
    assert prognosis.chance(at(0.04)) > 0.9
    assert prognosis.chance(at(0.003)) < 0.1


def test_what_was_known_before_is_shifted_not_replaced():
    prognosis = HealthClassifier(HEALTHY_ONES + FAILED)
    assert prognosis.chance(at(0.008), before=0.2) < prognosis.chance(at(0.008), before=0.9)


def test_nothing_is_foretold_without_runs_of_both_kinds_at_that_step_or_without_a_coverage():
    for prognosis in (
        HealthClassifier(HEALTHY_ONES),
        HealthClassifier(FAILED),
        HealthClassifier(HEALTHY_ONES + FAILED),
    ):
        for rung in (at(0.03, step=200), Rung(100, {"mmd": 20.0})):
            assert not prognosis.foretells(rung)
            assert prognosis.chance(rung, before=0.3) == 0.3
    assert HealthClassifier(HEALTHY_ONES + FAILED).foretells(at(0.03))


def test_two_runs_shift_the_odds_less_than_many_of_the_same_kind():
    few, many = ([*HEALTHY_ONES[:1], *FAILED[:1]], 5 * [*HEALTHY_ONES[:1], *FAILED[:1]])
    assert HealthClassifier(few).chance(at(0.02), before=0.5) < HealthClassifier(many).chance(
        at(0.02), before=0.5
    )


def test_to_cover_more_is_never_taken_for_a_bad_sign():
    contrary = covering(0.002, 0.003, ended_well=True) + covering(0.03, 0.05, ended_well=False)
    assert HealthClassifier(contrary).chance(at(0.04), before=0.5) == 0.5


coverages = st.lists(st.floats(0, 1), min_size=1, max_size=6)


@given(coverages, coverages, st.floats(0, 1), st.floats(0, 1), st.floats(0.05, 1))
def test_a_chance_stays_a_chance_and_never_falls_with_the_coverage(
    healthy, failed, one, other, before
):
    prognosis = HealthClassifier(
        covering(*healthy, ended_well=True) + covering(*failed, ended_well=False)
    )
    low, high = (prognosis.chance(at(coverage), before) for coverage in sorted((one, other)))
    assert 0 < low <= high <= 1
