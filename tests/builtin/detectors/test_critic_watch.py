"""Runs of a Wasserstein critic on signals written by hand; benchmarks/detectors has real ones."""

import pytest

from gansearch.builtin.detectors.convergence_failure import ConvergenceFailure
from gansearch.diagnosis.detection import RunWatch
from gansearch.run_context import RunContext

STEPS = 1000


def verdict(distance, pair_ratio, coverage=0.0, steps=STEPS):
    """The verdict on a critic's run, whose signals are functions of the step or constants."""
    watch = RunWatch([ConvergenceFailure()], RunContext(steps, scores_are_logits=False))
    for step in range(1, steps + 1):
        row = {"d_logit_real": value(distance, step), "d_logit_fake": 0.0, "g_loss": 0.0}
        if step % 10 == 0:
            row["pair_ratio"] = value(pair_ratio, step)
        if step % 250 == 0:
            row["coverage"] = coverage
        watch.observe(step, row)
    return watch.conclude()


def value(signal, step):
    return signal(step) if callable(signal) else signal


def falling(step):
    return 50.0 / step


def test_a_distance_that_no_longer_falls_over_samples_that_stand_still_is_a_failure():
    found = verdict(distance=40.0, pair_ratio=0.14)
    assert found.status == "convergence-failure"
    assert found.step < 0.6 * STEPS
    assert (found.evidence["distance_before"], found.evidence["distance"]) == (40.0, 40.0)


def test_a_critic_that_runs_away_from_a_frozen_generator_fails_too():
    found = verdict(distance=lambda step: float(step), pair_ratio=1.4)
    assert found.status == "convergence-failure"


@pytest.mark.parametrize(
    ("distance", "pair_ratio"), [(falling, 0.14), (40.0, lambda step: step / STEPS)]
)
def test_a_run_whose_distance_falls_or_whose_samples_grow_apart_goes_on(distance, pair_ratio):
    assert verdict(distance, pair_ratio).status == "healthy"


def test_a_run_that_is_as_good_as_it_gets_stands_still_and_is_healthy():
    assert verdict(distance=2.0, pair_ratio=0.95, coverage=0.3).status == "healthy"


def test_a_run_that_covers_a_little_is_judged_at_its_end():
    found = verdict(distance=40.0, pair_ratio=0.14, coverage=0.03)
    assert (found.status, found.step) == ("convergence-failure", STEPS)


def test_without_a_look_at_its_samples_nothing_is_held_against_a_critic():
    assert verdict(distance=40.0, pair_ratio=0.14, coverage=0.0, steps=200).status == "healthy"
