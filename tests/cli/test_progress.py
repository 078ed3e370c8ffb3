import io

from rich.console import Console
from support.by_hand import study, trial

from gansearch.cli.progress import PlainLines

__all__ = ["study", "trial"]


def test_a_trial_given_up_at_a_rung_says_which_trial_was_better(study, trial):
    console = Console(file=io.StringIO(), width=200)
    lines = PlainLines(study(), console)
    reason = "outdone at step 20: mmd 9, while trial 0, no larger, had 5 there"
    lines.ended(trial(1, 50, None, state="pruned", dominated_by=(0,), reason=reason))
    assert console.file.getvalue().rstrip().endswith(f"trial 1 pruned: {reason}")


def test_a_trial_that_takes_another_one_up_is_not_counted_as_one_more(study, trial):
    lines = PlainLines(study(), Console(file=io.StringIO()))
    lines.ended(trial(1, 50, None, state="pruned", dominated_by=(0,)))
    lines.ended(trial(2, 50, 9.0, continues=1))
    assert lines.done == 1
