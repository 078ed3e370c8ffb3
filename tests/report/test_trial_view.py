import pytest
from rich.console import Console
from support.calibrations import calibration

from gansearch.report.trial_view import trial_json, trial_view
from gansearch.signals import Remedy, Verdict
from gansearch.storage.trial_folder import TrialFolder
from gansearch.trial_record import Attempt, Rescue

SLOWER = Remedy(
    "halve the rate", "it won 9 of 9 steps", "a document", {"schedule": {"discriminator_lr": 1e-4}}
)
SUSPECT = Attempt(Verdict("suspect", 700), 1500, 30.0)


@pytest.fixture
def told(trial, tmp_path):
    """Return a function that renders a trial with a second run."""

    def tell(second, **fields):
        record = trial(7, 900, 0.1, rescue=Rescue(SLOWER, SUSPECT, second, **fields))
        console = Console(width=200)
        with console.capture() as screen:
            console.print(trial_view(record, TrialFolder(tmp_path / "0007").figured(record)))
        return " ".join(screen.get().split())

    return tell


def test_a_trial_that_was_rescued_is_told_with_both_runs(told, tmp_path):
    text = told(Attempt(Verdict("healthy"), 1500, 31.0), succeeded=True)
    assert (
        "it came out healthy with: halve the rate because it won 9 of 9 steps (a document)" in text
    )
    assert "set schedule: {discriminator_lr: 0.0001}" in text
    assert (
        "first run: suspect at step 700, 1,500 steps in 30 s "
        "second run: healthy, 1,500 steps in 31 s"
    ) in text
    assert f"the first run's files: {tmp_path / '0007'} " in text


def test_a_rescue_that_crashed_is_told_with_its_reason(told, tmp_path):
    text = told(Attempt(None, 0, 0.0), succeeded=False, reason="raised: no")
    assert "it failed again with: halve the rate" in text
    assert "second run: crashed, 0 steps in 0 s (raised: no)" in text
    assert f"the second run's files: {tmp_path / '0007' / 'rescue'} " in text


def test_a_program_reads_both_stories_too(trial, tmp_path):
    record = trial(7, 900, 0.1, rescue=Rescue(SLOWER, SUSPECT, SUSPECT, succeeded=False))
    assert trial_json(record, TrialFolder(tmp_path))["rescue"] == record.rescue.to_json()
    assert trial_json(trial(8, 900, 0.1), TrialFolder(tmp_path))["rescue"] is None


def test_the_calibration_is_a_table_of_its_own(trial, tmp_path):
    stamp = {"device": "cpu", "calibration": calibration().model_dump(mode="json")}
    console = Console(width=120)
    with console.capture() as screen:
        console.print(trial_view(trial(7, 900, 0.1, stamp=stamp), TrialFolder(tmp_path)))
    assert "device: cpu" in screen.get() and "relative_spread" not in screen.get()
    assert "off-target: coverage below 6.0%" in screen.get()


def test_a_trial_that_kept_its_best_look_says_so(trial, tmp_path):
    record = trial(7, 900, 0.1, steps=1500, seconds=30.0, kept_step=1000)
    console = Console(width=200)
    with console.capture() as screen:
        console.print(trial_view(record, TrialFolder(tmp_path)))
    assert "kept is the generator of step 1,000, the best look" in screen.get()
    assert trial_json(record, TrialFolder(tmp_path))["kept_step"] == 1000
