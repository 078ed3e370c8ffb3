"""Detectors on signals written by hand; benchmarks/detectors holds them against real runs."""

import math

import pytest
from support.rows import BALANCED, DOMINATED

from gansearch.builtin.detectors.convergence_failure import ConvergenceFailure
from gansearch.builtin.detectors.divergence import Divergence
from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.diagnosis.detection import RunWatch, diagnose
from gansearch.run_context import RunContext

DETECTORS = {
    "divergence": Divergence(),
    "convergence-failure": ConvergenceFailure(),
    "mode-collapse": ModeCollapse(),
}


def watch(rows):
    """The verdicts of all detectors over rows of steps 1, 2, ..."""
    eyes = RunWatch(tuple(DETECTORS.values()))
    return [eyes.observe(step, row) for step, row in enumerate(rows, start=1)]


def dominated(steps, pair_ratio=lambda step: 0.1):
    """A run in which the discriminator wins from the first step on."""
    return [
        DOMINATED | ({"pair_ratio": pair_ratio(step)} if step % 10 == 0 else {})
        for step in range(1, steps + 1)
    ]


def test_a_run_that_is_dominated_and_stands_still_fails_to_converge():
    verdict = watch(dominated(900))[-1]
    assert (verdict.status, verdict.step) == ("convergence-failure", 800)
    assert verdict.evidence["risen"] == pytest.approx(0.0, abs=1e-9)
    assert verdict.evidence["winning_since"] == 1


def test_a_hopeless_run_has_its_moments():
    rows = dominated(1000)
    for start in range(100, 1000, 200):
        rows[start : start + 10] = [BALANCED] * 10
    assert watch(rows)[-1].status == "convergence-failure"


def test_a_run_that_a_spike_threw_back_is_not_held_against_its_better_days():
    before = [BALANCED | ({"pair_ratio": 0.9} if step % 10 == 0 else {}) for step in range(400)]
    thrown_back = dominated(620, pair_ratio=lambda step: 0.5)
    recovering = dominated(300, pair_ratio=lambda step: 0.8)
    assert watch(before + thrown_back + recovering)[-1].status == "suspect"


def test_a_dominated_run_that_covers_the_data_is_only_suspect():
    covering = [row | {"coverage": 0.2} for row in dominated(1200)]
    assert watch(covering)[-1].status == "suspect"


def test_a_dominated_run_that_stands_still_and_covers_a_little_is_heard_to_its_end():
    eyes = RunWatch([ConvergenceFailure()])
    verdicts = [
        eyes.observe(step, row | {"coverage": 0.02})
        for step, row in enumerate(dominated(900), start=1)
    ]
    assert verdicts[-1].status == "suspect"
    assert (eyes.conclude().status, eyes.conclude().step) == ("convergence-failure", 900)


def test_a_dominated_run_whose_samples_grow_apart_is_only_suspect():
    verdicts = watch(dominated(1300, pair_ratio=lambda step: step / 4000))
    assert verdicts[199].status == "suspect"
    assert verdicts[-1].status == "suspect"


def test_a_suspect_run_that_recovers_is_healthy_again():
    verdicts = watch(dominated(1000, pair_ratio=lambda step: step / 4000) + [BALANCED] * 50)
    assert verdicts[-1].status == "healthy"


def test_a_burst_of_dominance_is_no_suspicion():
    assert {v.status for v in watch([BALANCED] * 100 + dominated(150) + [BALANCED] * 100)} == {
        "healthy"
    }


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_has_diverged_at_once(value):
    verdict = watch([BALANCED, BALANCED | {"g_loss": value}])[-1]
    assert (verdict.status, verdict.step) == ("diverged", 2)
    assert verdict.evidence["g_loss"] == repr(value)


def test_a_spike_shorter_than_the_patience_is_survived():
    spike = DOMINATED | {"g_loss": 826.0}
    assert watch([BALANCED] * 5 + [spike] * 49 + [BALANCED])[-1].status == "healthy"
    assert watch([BALANCED] * 5 + [spike] * 50)[-1].status == "diverged"


def test_large_scores_with_which_nobody_wins_are_no_divergence():
    assert watch([BALANCED | {"d_logit_fake": 2000.0}] * 500)[-1].status == "healthy"
    assert watch([BALANCED | {"d_logit_fake": 2e6}] * 50)[-1].status == "diverged"


def test_a_loss_with_terms_of_its_own_may_be_large_while_the_scores_are_not():
    matching = DOMINATED | {"g_loss": 500.0, "d_logit_real": 3.0, "d_logit_fake": -3.0}
    assert not watch([matching] * 100)[-1].failed
    assert watch([matching | {"d_logit_fake": -500.0}] * 100)[-1].status == "diverged"


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


def test_a_failure_stays_one():
    assert watch([BALANCED | {"g_loss": math.nan}, *[BALANCED] * 10])[-1].status == "diverged"


def test_a_diagnosis_says_what_it_could_not_judge():
    diagnosis = diagnose(((step, {"g_loss": 1.0}) for step in range(10)), DETECTORS)
    assert diagnosis.unjudged["mode-collapse"] == ["coverage|duplicates"]
    assert "pair_ratio" in diagnosis.unjudged["convergence-failure"]


def test_a_log_without_samples_that_ends_in_balance_is_healthy():
    rows = [(step, DOMINATED if step < 30 else BALANCED) for step in range(60)]
    assert diagnose(rows, DETECTORS).verdict.status == "healthy"


def test_a_run_without_signals_to_judge_is_unjudged():
    assert watch([{"generator_ema": 0.5}] * 3)[-1].status == "unjudged"
    assert RunWatch([]).conclude().status == "unjudged"


def test_durations_shrink_with_a_short_training():
    short = RunWatch([ConvergenceFailure()], RunContext(steps=450))
    verdicts = [short.observe(step, row) for step, row in enumerate(dominated(450), start=1)]
    assert verdicts[99].status == "suspect"
    assert verdicts[-1].status == "convergence-failure"
    assert ConvergenceFailure().scaled(30).window == 100
    assert ConvergenceFailure().scaled(60_000) == ConvergenceFailure()
