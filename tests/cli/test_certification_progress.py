import io

import pytest
from rich.console import Console

from gansearch.cli.certification_progress import LiveCertification, PlainCertification
from gansearch.messages import Progress
from gansearch.search.certification_plan import Choice
from gansearch.signals import HEALTHY

STEPS = 1500


@pytest.fixture
def begun(study, trial, tmp_path):
    """A certification that has begun with trial 1 and seed 1."""

    def begin(kind):
        console = Console(file=io.StringIO(), width=120, height=40)
        searched = [
            trial(0, 1000, 5.0, given=True, steps=STEPS, seconds=150.0),
            trial(1, 100, 5.1, steps=STEPS, seconds=150.0),
        ]
        progress = kind(study(), console, tmp_path, searched, Choice())
        progress.began([], 2)
        progress.started(trial(0, 100, None, state="running", baseline=False, certifies=1, seed=1))
        return progress

    return begin


def test_the_live_view_names_trial_and_seed(begun):
    live = begun(LiveCertification)
    live.console.print(live.draw())
    told = live.console.file.getvalue()
    assert "certification: 0 runs with fresh seeds" in told
    assert "1 (1)" in told


def test_plain_lines_name_trial_and_seed(begun, trial):
    lines = begun(PlainCertification)
    lines.ended(trial(0, 100, 5.2, certifies=1, seed=1, steps=STEPS, seconds=150.0))
    started, ended = lines.console.file.getvalue().splitlines()
    assert "trial 1, seed 1 starts: 100 parameters (10%)" in started
    assert "trial 1, seed 1: healthy, generator_params 100, mmd 5.2" in ended


def test_the_time_left_counts_each_run_that_the_plan_still_asks_for(begun):
    lines = begun(PlainCertification)
    lines.progressed(Progress(0, 750, STEPS, 10.0, {}, HEALTHY))
    # Seven whole runs of 150 s and half of one, on two slots.
    assert lines.seconds_left() == pytest.approx(7.5 * 150 / 2, rel=0.01)
