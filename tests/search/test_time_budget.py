from dataclasses import replace

import pytest

from gansearch.messages import Progress
from gansearch.search.time_budget import TimeBudget
from gansearch.signals import Verdict


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def budget(make_spec, clock):
    """Return a budget of so many seconds for trainings of 1,000 steps, on one slot."""

    def make(seconds, *, certifies=False):
        budget = TimeBudget(make_spec(), 1000, seconds, certifies=certifies, now=clock)
        budget.began([], 1)
        return budget

    return make


@pytest.fixture
def train(clock, trial):
    """Train a trial for so many seconds."""

    def train(budget, number, seconds):
        record = replace(trial(number, 100, 5.0), steps=0, seconds=0.0, state="running")
        budget.started(record)
        budget.progressed(Progress(number, 500, 1000, 1000 / seconds, {}, Verdict("healthy")))
        clock.seconds += seconds
        ended = trial(number, 100, 5.0)
        budget.ended(replace(ended, steps=1000, seconds=float(seconds)))

    return train


def test_the_first_trial_starts_whatever_the_budget(budget, clock):
    own = budget(1)
    clock.seconds = 2
    assert own.is_over and not own.is_spent


def test_no_trial_starts_that_would_end_too_late(budget, train):
    own = budget(300)
    train(own, 0, 100)
    assert not own.is_spent
    train(own, 1, 100)
    train(own, 2, 90)
    assert own.is_spent and not own.is_over


def test_time_for_the_certification_is_left(budget, train):
    own, without = budget(300, certifies=True), budget(300)
    train(own, 0, 20)
    train(without, 0, 20)
    assert own.is_spent is False and without.is_spent is False
    for number in range(1, 6):
        train(own, number, 20)
        train(without, number, 20)
    assert own.is_spent and not without.is_spent


def test_a_budget_is_over_once_its_time_has_passed(budget, clock):
    own = budget(60)
    clock.seconds = 59
    assert not own.is_over
    clock.seconds = 60
    assert own.is_over
