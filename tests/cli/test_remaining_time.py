"""Remaining time, from records and progress made by hand."""

import pytest
from support.by_hand import study, trial

from gansearch.cli.remaining_time import StepRate, certification_runs, search_steps_left

__all__ = ["study", "trial"]
STEPS = 1500


def search(make, trials, sampler="shrink"):
    spec = make()
    changes = {"trials": trials, "sampler": sampler}
    return spec.model_copy(update={"search": spec.search.model_copy(update=changes)})


def paused(trial, number):
    return trial(number, 50, None, state="paused", steps=100, dominated_by=(0,))


def test_the_baseline_alone_takes_all_its_steps(study):
    assert search_steps_left(search(study, 1), STEPS, [], {}) == STEPS
    assert search_steps_left(search(study, 1), STEPS, [], {0: 600}) == pytest.approx(900)


def test_nothing_is_left_once_every_trial_has_ended(study, trial):
    records = [trial(0, 100, 5.0, steps=STEPS), trial(1, 50, 5.0, steps=STEPS)]
    assert search_steps_left(search(study, 2), STEPS, records, {}) == 0


def test_a_paused_trial_may_still_take_steps(study, trial):
    records = [trial(0, 100, 5.0, steps=STEPS), paused(trial, 1)]
    left = search_steps_left(search(study, 2), STEPS, records, {})
    assert 0 < left < STEPS - 100


def test_a_promoted_trial_is_counted_once_as_running(study, trial):
    records = [trial(0, 100, 5.0, steps=STEPS), paused(trial, 1)]
    left = search_steps_left(search(study, 2), STEPS, records, {1: 900})
    assert left == pytest.approx(600)


def test_trials_to_come_are_expected_shorter_after_many_ended_at_the_first_rung(study, trial):
    baseline = trial(0, 100, 5.0, steps=STEPS)
    failed = [trial(n, 50, None, "diverged", steps=100) for n in range(1, 11)]
    full = [trial(n, 50, 5.0, steps=STEPS) for n in range(1, 11)]
    spec = search(study, 21)
    after_failures = search_steps_left(spec, STEPS, [baseline, *failed], {})
    assert after_failures < 0.5 * search_steps_left(spec, STEPS, [baseline, *full], {})


def test_steps_of_all_slots_add_up_to_the_rate():
    rate = StepRate()
    for second in range(11):
        rate.progressed(0, 10 * second, float(second))
        rate.progressed(1, 20 * second, float(second))
    assert rate.per_second(10.0) == pytest.approx(30)


def test_steps_trained_before_a_resume_are_not_part_of_the_rate():
    rate = StepRate()
    rate.progressed(0, 1000, 0.0)
    rate.progressed(0, 1010, 10.0)
    assert rate.per_second(10.0) == pytest.approx(1)


def test_there_is_no_rate_before_two_events():
    rate = StepRate()
    rate.progressed(0, 10, 0.0)
    assert rate.per_second(5.0) is None


def test_a_certification_counts_the_reference_an_unstable_candidate_and_the_champion(study):
    assert certification_runs(study().certification) == 4 + 2 + 4
