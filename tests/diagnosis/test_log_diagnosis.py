"""Logs with losses written by hand; benchmarks/tabular has the runs that set the limits."""

import math

import pytest

from gansearch.diagnosis.log_diagnosis import diagnose_log


def log(rows):
    return list(enumerate(rows, start=1))


def both(count, d, g):
    """Rows whose losses move a little, as those of a training do."""
    return [{"d_loss": d * (1 + i % 7 / 50), "g_loss": g * (1 + i % 5 / 50)} for i in range(count)]


SOUND = both(60, 0.6, 1.0)


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        (both(60, 2e-4, 8.0), "convergence-failure"),  # the discriminator has won
        (both(60, 0.02, 30.0), "convergence-failure"),  # not by a tiny loss, but by far
        (both(60, 0.02, 4.0), "suspect"),  # small generators recover from this
        (both(6, 1e-4, 9.0), "suspect"),
        (SOUND + both(60, 9.0, 0.0), "convergence-failure"),
        ([{"d_loss": 13.82, "g_loss": -0.0}] * 40, "convergence-failure"),
        (SOUND + [{"d_loss": 0.412345, "g_loss": 1.987654}] * 20, "convergence-failure"),
        (both(60, 3e4, 0.5), "diverged"),
        (SOUND + [{}] * 30, "diverged"),
        (SOUND + [{}] * 4, "suspect"),
        ([{"d_loss": -float(i * i), "g_loss": 1.0 + i % 3} for i in range(60)], "suspect"),
        ([{"fid": f} for f in (200, 90, 40, 12, 11, 10, 11, 80, 300, 400, 380)], "suspect"),
    ],
)
def test_failures_are_seen_in_the_losses(rows, status):
    assert diagnose_log(log(rows)).diagnosis.verdict.status == status


def test_a_discriminator_that_calls_everything_generated_has_failed():
    dead = {"d_loss_real": 7.0, "d_loss_fake": 1e-4, "d_acc_real": 0.0, "d_acc_fake": 1.0}
    rows = [dead | {"g_loss": 9.0 + i % 3} for i in range(60)]
    verdict = diagnose_log(log(rows)).diagnosis.verdict
    assert verdict.status == "convergence-failure"
    assert "calls everything generated" in verdict.evidence["rule"]


GUESSING = {"d_loss_real": 0.69, "d_loss_fake": 0.69, "d_acc_real": 1.0, "d_acc_fake": 0.0}


@pytest.mark.parametrize(
    ("rows", "loss"),
    [
        (SOUND, None),
        (both(30, 8.0, 0.01) + SOUND, None),  # a rough start
        (SOUND + both(5, 0.001, 400.0) + SOUND, None),  # a spike
        (both(40, 1e-3, 8.0) + both(60, 0.5, 1.0), None),  # lost for long, and recovered
        ([GUESSING | {"g_loss": 0.69}] * 60, None),
        (both(60, 1e-9, 9.0), "hinge"),
        (both(60, 0.03, 0.9), "least-squares"),
        (both(60, 1.0, -1.0), "hinge"),
        (both(60, -3.0, 2.0), None),
    ],
)
def test_sound_runs_are_healthy(rows, loss):
    assert diagnose_log(log(rows), loss).diagnosis.verdict.status == "healthy"


def test_a_loss_below_zero_is_said_to_leave_open_who_wins():
    judged = diagnose_log(log(both(60, -3.0, 2.0)))
    assert "below zero" in judged.diagnosis.unjudged["convergence-failure"][0]


@pytest.mark.parametrize(
    "rows",
    [SOUND[:6], [{"fid": 50.0 - i} for i in range(20)], [{"g_loss": 1 + i % 3} for i in range(30)]],
)
def test_a_log_that_says_too_little_is_unjudged(rows):
    assert diagnose_log(log(rows)).diagnosis.verdict.status == "unjudged"


def test_a_single_row_that_is_not_finite_has_diverged():
    rows = [*SOUND, {"d_loss": math.nan, "g_loss": 1.0}]
    assert diagnose_log(log(rows)).diagnosis.verdict.status == "diverged"
