"""Remaining time, from records and progress made by hand."""

import pytest

from gansearch.messages import Progress
from gansearch.search.remaining_time import TrainingPace, Work, certification_work, search_work
from gansearch.signals import HEALTHY

STEPS = 1500


def search(make, trials, sampler="shrink"):
    spec = make()
    changes = {"trials": trials, "sampler": sampler}
    return spec.model_copy(update={"search": spec.search.model_copy(update=changes)})


def paused(trial, number):
    return trial(number, 50, None, state="paused", steps=100, dominated_by=(0,))


def steps_left(spec, records, running):
    return sum(work.steps for work in search_work(spec, STEPS, records, running))


def test_the_baseline_alone_takes_all_its_steps(study):
    assert steps_left(search(study, 1), [], {}) == STEPS
    assert steps_left(search(study, 1), [], {0: 600}) == pytest.approx(900)


def test_nothing_is_left_once_every_trial_has_ended(study, trial):
    records = [trial(0, 100, 5.0, steps=STEPS, given=True), trial(1, 50, 5.0, steps=STEPS)]
    assert steps_left(search(study, 2), records, {}) == 0


def test_a_paused_trial_may_still_take_steps(study, trial):
    records = [trial(0, 100, 5.0, steps=STEPS, given=True), paused(trial, 1)]
    left = steps_left(search(study, 2), records, {})
    assert 0 < left < STEPS - 100


def test_a_promoted_trial_is_counted_once_as_running(study, trial):
    records = [trial(0, 100, 5.0, steps=STEPS, given=True), paused(trial, 1)]
    work = search_work(search(study, 2), STEPS, records, {1: 900})
    assert [one.trial for one in work if one.steps] == [1]
    assert 0 < work[0].steps < 600


def test_trials_to_come_are_expected_shorter_after_many_ended_early(study, trial):
    baseline = trial(0, 100, 5.0, steps=STEPS, given=True)
    failed = [trial(n, 50, None, "diverged", steps=100) for n in range(1, 11)]
    full = [trial(n, 50, 5.0, steps=STEPS) for n in range(1, 11)]
    spec = search(study, 21)
    to_come = 10 * STEPS
    assert steps_left(spec, [baseline, *failed], {}) < 0.5 * to_come
    assert steps_left(search(study, 21, "tpe"), [baseline, *full], {}) > 0.9 * to_come


def told(trial, step, speed):
    return Progress(trial, step, STEPS, speed, {}, HEALTHY)


def test_work_is_shared_out_among_the_slots():
    pace = TrainingPace()
    pace.progressed(0, told(0, 100, speed=10.0))
    assert pace.seconds([Work(1000), Work(1000)], slots=1) == pytest.approx(200)
    assert pace.seconds([Work(1000), Work(1000)], slots=2) == pytest.approx(100)


def test_a_running_trial_is_not_shared_out():
    pace = TrainingPace()
    pace.progressed(0, told(0, 100, speed=10.0))
    assert pace.seconds([Work(1000, 0, running=True)], slots=2) == pytest.approx(100)


def test_each_trial_takes_its_own_time(trial):
    pace = TrainingPace()
    pace.learn(trial(0, 100, 5.0, steps=100, seconds=100.0, given=True))
    pace.learn(trial(1, 10, 5.0, steps=100, seconds=10.0))
    assert pace.seconds([Work(50, 0)], slots=1) == pytest.approx(50)
    assert pace.seconds([Work(50)], slots=1) == pytest.approx(5)


def test_the_time_of_a_slot_without_training_counts(trial):
    pace = TrainingPace()
    begun = trial(0, 100, None, state="running", steps=0)
    pace.started(begun, now=0.0)
    pace.ended(trial(0, 100, 5.0, steps=1000, seconds=1000.0), now=2000.0)
    assert pace.seconds([Work(1000)], slots=1) == pytest.approx(2000, rel=0.05)


def test_there_is_no_estimate_before_the_first_steps():
    assert TrainingPace().seconds([Work(1000)], slots=1) is None


def test_a_certification_trains_the_reference_and_the_smallest_within_tolerance(study, trial):
    baseline = trial(0, 1000, 5.0, baseline=True, given=True)
    records = [baseline, trial(1, 100, 5.1), trial(2, 10, 50.0)]
    work = certification_work(study(), STEPS, records)
    assert [one.trial for one in work] == 4 * [0] + 4 * [1]


def test_a_certification_expects_no_runs_once_a_candidate_has_passed(study, trial):
    baseline = trial(0, 1000, 5.0, baseline=True, given=True)
    runs = [trial(n, 1000, 5.0, certifies=0, seed=n) for n in range(1, 5)]
    assert certification_work(study(), STEPS, [baseline], runs) == []


def test_without_a_healthy_trial_a_certification_is_expected_as_long_as_usual(study):
    assert sum(one.steps for one in certification_work(study(), STEPS, [])) == 8 * STEPS


def test_trials_that_begin_again_leave_the_remaining_time_sound(trial):
    pace = TrainingPace()
    for number in range(5):
        lost = trial(number, 50, None, state="paused", steps=1000, seconds=500.0)
        pace.started(lost, now=100.0 * number)
        again = trial(number, 50, 5.0, steps=1000, seconds=50.0)
        pace.ended(again, now=100.0 * number + 60)
    left = pace.seconds([Work(1000.0)], slots=1)
    assert left is not None and 50 <= left <= 60 * (5 * 60 + 30) / 30


def test_progress_beyond_the_last_step_leaves_nothing_to_do(study):
    assert steps_left(search(study, 1), [], {0: STEPS + 100}) == 0
