from dataclasses import replace

import pytest

from gansearch.execution.simulated import SimulatedExecutor, SimulatedTraining
from gansearch.messages import Outcome, Progress
from gansearch.search.time_budget import TimeBudget
from gansearch.signals import HEALTHY, Verdict
from gansearch.trial_record import Rung


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


def test_the_latest_trials_tell_how_long_the_next_one_takes(budget, train):
    own = budget(1400)
    for number in range(8):
        train(own, number, 10)
    for number in range(8, 16):
        train(own, number, 100)  # the machine has become slower
    assert not own.is_spent  # 880 of 1,400 s
    for number in range(16, 21):
        train(own, number, 90)
    assert own.is_spent  # 70 s are left, and a trial takes 77, not the 43 of all trials


def test_runs_of_a_certification_take_the_slots_whole(budget, train):
    """Eight runs of 20 s on five slots take 40 s, not 32."""
    own = budget(80, certifies=True)
    train(own, 0, 20)
    own.began([], 5)
    assert not own.is_spent  # 17 and 40 of the 60 s that are left
    train(own, 1, 20)
    assert own.is_spent


def test_no_run_of_the_certification_starts_that_would_not_end_in_time(budget, train, clock, trial):
    own = budget(200, certifies=True)
    train(own, 0, 20)
    own.begin_certification()
    assert not own.is_spent
    run = replace(trial(0, 100, 5.0), certifies=0, seed=1, steps=0, seconds=0.0, state="running")
    own.started(run)
    own.progressed(Progress(0, 500, 1000, 1000 / 120, {}, HEALTHY))
    clock.seconds += 60
    assert not own.is_spent  # 80 of 200 s
    clock.seconds += 1
    assert own.is_spent


def training(seconds, rungs=()):
    """Return a healthy training of 20 steps that takes so many seconds."""
    quality = {"sliced_wasserstein": 1.0}
    whole = Outcome(HEALTHY, steps=20, seconds=float(seconds), metrics=quality)
    return SimulatedTraining(whole, rungs, 20, float(seconds))


def rung(step):
    return Rung(step, {"sliced_wasserstein": 1.0})


@pytest.fixture
def budgeted(search, make_spec):
    """Searches for so many virtual seconds; gives the records and when the search ended."""

    def run(trainings, seconds, *overrides, slots=1):
        executor = SimulatedExecutor(trainings, slots=slots)
        own = TimeBudget(
            make_spec(*overrides), 20, seconds, certifies=False, now=executor.clock.now
        )
        store = search(executor, *overrides, budget=own)
        return store.records(), executor.clock.now()

    return run


def test_a_search_on_a_machine_that_slows_down_ends_in_time(budgeted):
    """Trials take 10 s, and from the tenth on 20 s; at 250 s, 16 are too few for another one."""
    records, end = budgeted(
        lambda job: training(10 if job.trial < 9 else 20),
        266,
        "search.trials=30",
        "search.sampler=random",
    )
    assert [record.state for record in records] == ["complete"] * 17
    assert end == 250


def test_what_is_trained_at_the_end_of_the_time_is_stopped_and_taken_up_later(budgeted):
    steps = range(1, 20)
    records, end = budgeted(
        lambda job: training(10 if job.trial < 2 else 400, [rung(step) for step in steps]),
        100,
        "search.trials=30",
        "search.sampler=random",
    )
    assert [record.state for record in records] == ["complete", "complete", "running"]
    assert end == 100


def test_the_first_trial_is_trained_to_its_end_beyond_the_time(budgeted):
    records, end = budgeted(lambda job: training(50, [rung(10)]), 20, "search.trials=30")
    assert [record.state for record in records] == ["complete"]
    assert end == 50
