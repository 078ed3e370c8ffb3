import io

from rich.console import Console

from gansearch.cli.plain_lines import PlainLines


def test_a_trial_dominated_at_a_rung_says_by_which_trial(study, trial, tmp_path):
    console = Console(file=io.StringIO(), width=200)
    lines = PlainLines(study(), console, tmp_path)
    reason = "dominated at step 20: mmd 9, while trial 0, no larger, had 5 there"
    lines.ended(trial(1, 50, None, state="pruned", dominated_by=(0,), reason=reason))
    assert f"trial 1 pruned: {reason}\n" in console.file.getvalue()


def test_plain_lines_say_a_new_best_once(study, trial, tmp_path):
    console = Console(file=io.StringIO(), width=200)
    lines = PlainLines(study(), console, tmp_path)
    lines.ended(trial(0, 100, 5.0))
    lines.ended(trial(1, 200, 9.0))
    assert console.file.getvalue().count("best so far: trial 0") == 1
