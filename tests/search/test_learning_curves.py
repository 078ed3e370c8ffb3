from hypothesis import given
from hypothesis import strategies as st

from gansearch.search.learning_curves import HealthClassifier
from gansearch.signals import HEALTHY, Verdict
from gansearch.trial_record import Rung, TrialRecord

COLLAPSE = Verdict("mode-collapse", 1000)


def trials(*coverages, healthy, step=100):
    """Trials with a verdict, each with its coverage at one rung."""
    state, verdict = ("complete", HEALTHY) if healthy else ("pruned", COLLAPSE)
    return [
        TrialRecord(0, state, {}, verdict=verdict, rungs=(Rung(step, {"coverage": c}),))
        for c in coverages
    ]


SOUND = trials(0.02, 0.03, 0.05, 0.03, healthy=True)
FAILED = trials(0.002, 0.004, 0.003, healthy=False)


def at(coverage, step=100):
    return Rung(step, {"coverage": coverage})


def test_a_coverage_like_that_of_healthy_runs_makes_health_probable():
    classifier = HealthClassifier(SOUND + FAILED)
    assert classifier.probability(at(0.04)) > 0.9
    assert classifier.probability(at(0.003)) < 0.1


def test_the_prior_is_shifted_not_replaced():
    classifier = HealthClassifier(SOUND + FAILED)
    unlikely, likely = (classifier.probability(at(0.008), prior=prior) for prior in (0.2, 0.9))
    assert unlikely < likely


def test_a_rung_without_coverage_or_without_runs_of_both_kinds_leaves_the_prior():
    for known in (SOUND, FAILED, SOUND + FAILED):
        classifier = HealthClassifier(known)
        for rung in (at(0.03, step=200), Rung(100, {"mmd": 20.0})):
            assert not classifier.is_informative(rung)
            assert classifier.probability(rung, prior=0.3) == 0.3
    assert HealthClassifier(SOUND + FAILED).is_informative(at(0.03))


def test_two_runs_shift_the_odds_less_than_many_equal_ones():
    two = [SOUND[0], FAILED[0]]
    few, many = (HealthClassifier(n * two).probability(at(0.02), prior=0.5) for n in (1, 5))
    assert few < many


def test_more_coverage_never_lowers_the_probability_even_if_failed_runs_had_more():
    contrary = trials(0.002, 0.003, healthy=True) + trials(0.03, 0.05, healthy=False)
    assert HealthClassifier(contrary).probability(at(0.04), prior=0.5) == 0.5


coverages = st.lists(st.floats(0, 1), min_size=1, max_size=6)


@given(coverages, coverages, st.floats(0, 1), st.floats(0, 1), st.floats(0.05, 1))
def test_a_probability_lies_within_0_and_1_and_never_falls_with_the_coverage(
    healthy, failed, one, other, prior
):
    classifier = HealthClassifier(trials(*healthy, healthy=True) + trials(*failed, healthy=False))
    low, high = (classifier.probability(at(coverage), prior) for coverage in sorted((one, other)))
    assert 0 < low <= high <= 1
