from support.by_hand import study, trial

from gansearch.cli.progress import SearchProgress, clock

__all__ = ["study", "trial"]


def test_a_paused_trial_has_not_ended(study, trial, tmp_path):
    progress = SearchProgress(study(), tmp_path)
    progress.ended(trial(1, 50, None, state="paused", dominated_by=(0,)))
    assert progress.done == 0


def test_times_are_short():
    assert (clock(42), clock(425), clock(3 * 3600 + 420)) == ("42s", "7m05s", "3h07m")
