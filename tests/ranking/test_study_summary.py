import pytest

from gansearch.ranking.study_summary import study_summary


def notable(summary):
    return {name: record and record.number for name, record in summary.notable_trials().items()}


def test_the_notable_trials(study, trial):
    records = [
        trial(0, 1000, 5.0),
        trial(1, 1090, 3.0),
        trial(2, 400, 2.0),
        trial(3, 50, 5.5),
        trial(4, 10, 5.6),
    ]
    assert notable(study_summary(study(), records)) == {
        "baseline": 0,
        "smallest_within_tolerance": 3,
        "best_any_size": 2,
        "best_at_baseline_size": 1,
    }


def test_the_baseline_is_every_notable_trial_if_nothing_else_is_as_good(study, trial):
    records = [trial(0, 1000, 5.0), trial(1, 50, 9.0)]
    assert set(notable(study_summary(study(), records)).values()) == {0}


def test_tolerance_follows_the_direction(study, trial):
    sizes = {0: (1000, 0.30), 1: (60, 0.27), 2: (50, 0.26)}
    records = [trial(n, size, quality, metric="coverage") for n, (size, quality) in sizes.items()]
    assert (
        notable(study_summary(study("coverage", "maximize"), records))["smallest_within_tolerance"]
        == 1
    )


@pytest.mark.parametrize(
    ("base", "accepted", "refused"), [(-1.0, -0.95, -0.85), (0.0, -0.1, 0.001)]
)
def test_a_baseline_at_or_below_zero_has_a_tolerance_too(study, trial, base, accepted, refused):
    records = [trial(0, 1000, base), trial(1, 60, accepted), trial(2, 50, refused)]
    assert notable(study_summary(study(), records))["smallest_within_tolerance"] == 1


def test_within_tolerance_of_the_best_is_held_against_the_best(study, trial):
    records = [trial(0, 1000, 5.0), trial(1, 400, 2.0), trial(2, 50, 2.1), trial(3, 10, 5.1)]
    summary = study_summary(study(reference="best"), records)
    assert notable(summary)["smallest_within_tolerance"] == 2
    assert summary.held_against == "best model"


def test_a_failed_baseline_is_noted_and_the_best_replaces_it(study, trial):
    summary = study_summary(study(), [trial(0, 1000, None, "diverged"), trial(1, 60, 4.0)])
    assert summary.note == "the baseline, trial 0, is not healthy: verdict diverged"
    assert notable(summary) == {
        "baseline": 0,
        "smallest_within_tolerance": 1,  # of the best model, which replaces the baseline
        "best_any_size": 1,
        "best_at_baseline_size": None,
    }


def test_a_running_baseline_is_noted(study, trial):
    records = [trial(0, 1000, None, state="running"), trial(1, 60, 4.0)]
    assert study_summary(study(), records).note == "the baseline, trial 0, has not ended yet"


def test_a_study_without_trials_has_no_notable_trials(study):
    summary = study_summary(study(), [])
    assert summary.note == "the baseline has not been trained yet"
    assert summary.to_json()["smallest_within_tolerance"] is None


def test_a_lucky_second_run_of_a_candidate_is_not_notable(study, trial):
    records = [
        trial(0, 1000, 5.0),
        trial(1, 60, 5.2, identity="twin"),
        trial(2, 60, 3.0, identity="twin"),
    ]
    assert notable(study_summary(study(), records))["best_any_size"] == 0


def test_a_share_of_the_baselines_size(study, trial):
    records = [trial(0, 1000, 5.0), trial(1, 60, 5.2)]
    assert study_summary(study(), records).share_of_baseline(records[1]) == 0.06
