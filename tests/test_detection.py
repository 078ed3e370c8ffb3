"""Detectors on signals written by hand; benchmarks/detectors holds them against real runs."""

import math

import pytest

from gansearch.builtin.detectors.convergence_failure import ConvergenceFailure
from gansearch.builtin.detectors.divergence import Divergence
from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.detection import RunWatch, diagnose

DETECTORS = {"divergence": Divergence(), "convergence-failure": ConvergenceFailure(), "mode-collapse": ModeCollapse()}
BALANCED = {
    "d_loss_real": 0.6,
    "d_loss_fake": 0.6,
    "g_loss": 1.0,
    "d_acc_real": 0.75,
    "d_acc_fake": 0.75,
    "dominance": 1.2,
}
DOMINATED = BALANCED | {"dominance": 0.01, "d_acc_real": 1.0, "d_acc_fake": 1.0, "g_loss": 6.0}


def watch(rows):
    """The verdicts of all detectors over rows of steps 1, 2, ..."""
    eyes = RunWatch(tuple(DETECTORS.values()))
    return [eyes.observe(step, row) for step, row in enumerate(rows, start=1)]


def dominated(steps, pair_ratio=lambda step: 0.1):
    """A run in which the discriminator wins from the first step on."""
    return [DOMINATED | ({"pair_ratio": pair_ratio(step)} if step % 10 == 0 else {}) for step in range(1, steps + 1)]


def test_a_run_that_is_dominated_and_stands_still_fails_to_converge():
    verdict = watch(dominated(700))[-1]
    assert verdict.status == "convergence-failure"
    assert 550 <= verdict.step <= 620
    assert verdict.evidence["risen"] == pytest.approx(0.0, abs=1e-9)
    assert verdict.evidence["winning_since"] == 1


def test_a_dominated_run_whose_samples_grow_apart_is_only_suspect():
    verdicts = watch(dominated(1300, pair_ratio=lambda step: step / 4000))
    assert verdicts[199].status == "suspect"
    assert verdicts[-1].status == "suspect"


def test_a_suspect_run_that_recovers_is_healthy_again():
    verdicts = watch(dominated(1000, pair_ratio=lambda step: step / 4000) + [BALANCED] * 50)
    assert verdicts[-1].status == "healthy"


def test_a_burst_of_dominance_is_no_suspicion():
    assert {v.status for v in watch([BALANCED] * 100 + dominated(150) + [BALANCED] * 100)} == {"healthy"}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_has_diverged_at_once(value):
    verdict = watch([BALANCED, BALANCED | {"g_loss": value}])[-1]
    assert (verdict.status, verdict.step) == ("diverged", 2)
    assert verdict.evidence["g_loss"] == repr(value)


def test_a_spike_shorter_than_the_patience_is_survived():
    assert watch([BALANCED] * 5 + [BALANCED | {"g_loss": 826.0}] * 49 + [BALANCED])[-1].status == "healthy"
    assert watch([BALANCED] * 5 + [BALANCED | {"g_loss": 826.0}] * 50)[-1].status == "diverged"


def test_a_generator_without_gradient_has_diverged():
    verdict = watch([BALANCED | {"g_grad_norm": 1e-7}] * 50)[-1]
    assert verdict.status == "diverged"
    assert "gradient below" in verdict.evidence["rule"]


def test_a_critics_scores_have_no_limit():
    critic = {
        "d_loss_real": -500.0,
        "d_loss_fake": 400.0,
        "g_loss": -400.0,
        "d_logit_real": 500.0,
        "d_logit_fake": 400.0,
    }
    assert watch([critic] * 1500)[-1].status == "healthy"


@pytest.mark.parametrize(
    ("probe", "status"),
    [
        ({"coverage": 0.01, "duplicates": 0.0}, "mode-collapse"),
        ({"coverage": 0.3, "duplicates": 0.02}, "mode-collapse"),
        ({"coverage": 0.05, "duplicates": 0.005}, "healthy"),
        ({"coverage": 0.05, "duplicates": math.nan}, "healthy"),
    ],
)
def test_samples_decide_on_mode_collapse(probe, status):
    assert watch([BALANCED] * 999 + [BALANCED | probe])[-1].status == status


def test_samples_of_an_early_step_are_not_held_against_a_run():
    assert watch([BALANCED | {"coverage": 0.0, "duplicates": 1.0}] * 999)[-1].status == "healthy"


def test_a_failure_stays_one():
    assert watch([BALANCED | {"g_loss": math.nan}, *[BALANCED] * 10])[-1].status == "diverged"


def test_a_diagnosis_says_what_it_could_not_judge():
    diagnosis = diagnose(((step, {"g_loss": 1.0}) for step in range(10)), DETECTORS)
    assert diagnosis.unjudged["mode-collapse"] == ["coverage|duplicates"]
    assert "pair_ratio" in diagnosis.unjudged["convergence-failure"]


def test_a_log_without_samples_that_is_dominated_to_its_end_fails():
    rows = [(step, {"d_loss_real": 0.0, "d_loss_fake": 0.0, "g_loss": 4000.0}) for step in range(41)]
    verdict = diagnose(rows, DETECTORS).verdict
    assert verdict.status == "convergence-failure"
    assert "no pair_ratio" in verdict.evidence["note"]


def test_a_log_without_samples_that_ends_in_balance_is_healthy():
    rows = [(step, DOMINATED if step < 30 else BALANCED) for step in range(60)]
    assert diagnose(rows, DETECTORS).verdict.status == "healthy"
