from rich.console import Console

from gansearch.cli.progress import SearchProgress, clock


def test_a_paused_trial_has_not_ended(study, trial, tmp_path):
    progress = SearchProgress(study(), Console(quiet=True), tmp_path)
    progress.ended(trial(1, 50, None, state="paused", dominated_by=(0,)))
    assert progress.done == 0


def test_times_are_short():
    assert (clock(42), clock(425), clock(3 * 3600 + 420)) == ("42s", "7m05s", "3h07m")
