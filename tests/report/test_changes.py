import io

import pytest
from rich.console import Console

from gansearch.report.changes import Changes, ChangesTable, differences

BASE = {
    "generator": {"use": "dcgan", "width": 32, "kernel": 4},
    "schedule": {"use": "alternating", "generator_lr": 0.001, "half_batches": False},
}


def candidate(**changes):
    """The baseline's candidate but for fields named `role__field`."""
    roles = {role: dict(fields) for role, fields in BASE.items()}
    for name, value in changes.items():
        role, field = name.split("__")
        roles[role][field] = value
    return roles


@pytest.fixture
def changes(study, trial):
    """Changes to a baseline that collapsed: two widths, another schedule, two fields at once."""
    in_turn = {**BASE, "schedule": {"use": "epochs-in-turn", "generator_lr": 0.001, "epochs": 2}}
    both = candidate(generator__width=4, schedule__generator_lr=0.1)
    records = [
        trial(0, 100, None, "mode-collapse", candidate=BASE),
        trial(1, 90, None, "diverged", candidate=candidate(generator__width=16)),
        trial(2, 80, 40.0, candidate=candidate(generator__width=8)),
        trial(3, 100, 30.0, candidate=in_turn),
        trial(4, 70, 20.0, candidate=both),
        trial(5, 70, None, candidate=candidate(generator__kernel=9), state="failed"),
    ]
    return Changes.of(study(), records)


def printed(changes):
    console = Console(file=io.StringIO(), width=120)
    console.print(ChangesTable(changes))
    return console.file.getvalue()


def test_trials_are_grouped_by_the_fields_that_they_change(changes):
    assert [
        (change.fields, [record.number for record, _ in change.trials])
        for change in changes.changes
    ] == [
        (("generator.width",), [1, 2]),
        (("schedule",), [3]),
        (("generator.width", "schedule.generator_lr"), [4]),
        (("generator.kernel",), [5]),
    ]


def test_a_change_counts_its_failures_with_verdict_and_median_step(changes):
    width, *_, kernel = changes.to_json()["changes"]
    assert (width["tried"], width["failed"]) == (2, 1)
    assert width["verdicts"] == {
        "diverged": {"count": 1, "median_step": 600},
        "healthy": {"count": 1, "median_step": None},
    }
    assert (kernel["tried"], kernel["failed"]) == (1, 1)


def test_the_single_changes_that_mend_a_failed_baseline_are_named_the_best_first(changes):
    assert [record.number for record, _ in changes.mending] == [3, 2], (
        "trial 4 is better and changes two things"
    )
    assert (
        "made it healthy, the best first: schedule epochs-in-turn (epochs 2) (trial 3); "
        "generator.width 8"
    ) in " ".join(printed(changes).split())


def test_a_baseline_that_no_single_change_mends_is_reported(study, trial):
    failed = trial(1, 90, None, "diverged", candidate=candidate(generator__width=16))
    changes = Changes.of(study(), [trial(0, 100, None, "mode-collapse", candidate=BASE), failed])
    assert "no single change made it healthy" in printed(changes)


def test_what_makes_a_healthy_baseline_fail_is_named(study, trial):
    failed = trial(1, 90, None, "diverged", candidate=candidate(generator__width=16))
    sound = trial(2, 90, 60.0, candidate=candidate(generator__kernel=9))
    text = printed(Changes.of(study(), [trial(0, 100, 50.0, candidate=BASE), failed, sound]))
    assert "The baseline is healthy. What makes it fail: generator.width." in text
    assert "1.20" in text, "the quality of trial 2 as a multiple of the baseline's"


def test_before_the_baseline_has_ended_there_is_nothing_to_compare(study, trial):
    running = trial(0, 100, None, state="running")
    assert "has not ended yet" in printed(Changes.of(study(), [running]))


def test_a_trial_without_a_candidate_is_compared_by_its_parameters(trial):
    base = trial(
        0,
        100,
        1.0,
        candidate=BASE,
        parameters={"schedule": "a", "schedule.a.lr": 1, "generator.width": 32},
    )
    refused = trial(
        1, 1, None, parameters={"schedule": "a", "schedule.a.lr": 1, "generator.width": 64}
    )
    assert differences(base, refused) == {"generator.width": 64}
