import io

import pytest
from rich.console import Console
from support.by_hand import STAMP

from gansearch.cli.live_table import LiveTable, speed
from gansearch.messages import Progress
from gansearch.signals import Verdict


def screen(live, width, height):
    console = Console(file=io.StringIO(), width=width, height=height)
    live.console = console
    console.print(live.draw())
    return console.file.getvalue().splitlines()


@pytest.fixture
def busy(study, trial, tmp_path):
    """A search with eight ended and nine running trials."""
    live = LiveTable(study(), Console(file=io.StringIO()), tmp_path)
    live.began([trial(n, 1000 - 100 * n, 5.0 + n) for n in range(8)], 9)
    live.ended(trial(8, 40, None, "mode-collapse"))
    for number in range(9, 18):
        live.started(trial(number, 123_456, None, state="running"))
        signals = {"d_loss_real": 0.5, "d_loss_fake": 0.6, "g_loss": 1.5}
        live.progressed(Progress(number, 10, 1500, 0.4, signals, Verdict("convergence-failure", 5)))
    return live


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_the_live_view_fits_the_terminal(busy, width, height):
    lines = screen(busy, width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_the_live_view_says_the_best_so_far_and_why_others_failed(busy):
    text = "\n".join(screen(busy, 120, 40))
    assert "best so far: trial 0, generator_params 1,000 (100% of ★), mmd 5" in text
    assert "failures: 1 mode-collapse" in text
    assert "2.5 s/step" in text


def test_losses_are_shown_where_the_terminal_is_wide(busy):
    assert "0.50/0.60" in "\n".join(screen(busy, 120, 40))
    assert "0.50/0.60" not in "\n".join(screen(busy, 80, 24))


def test_slow_networks_have_seconds_a_step():
    assert (speed(0.4), speed(12.4)) == ("2.5 s/step", "12/s")


def test_the_live_view_shows_the_warning_of_an_extractor(busy, trial):
    assert "Warning" not in "\n".join(screen(busy, 120, 40))
    busy.ended(trial(8, 40, 7.0, stamp=STAMP))
    assert "Warning: rough figures." in screen(busy, 120, 40)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_a_terminal_shows_the_whole_view_and_each_redraw_takes_the_place_of_the_last(
    busy, width, height
):
    pyte = pytest.importorskip("pyte", reason="pyte is not installed")
    terminal = pyte.Screen(width, height)
    stream = pyte.Stream(terminal)
    written = io.StringIO()
    busy.console = Console(
        file=written, width=width, height=height, force_terminal=True, legacy_windows=False
    )
    busy._live.console = busy.console
    with busy:
        busy.idle()
        busy.progressed(Progress(9, 700, 1500, 0.4, {}, Verdict("healthy")))
        busy.idle()
        stream.feed(written.getvalue().replace("\n", "\r\n"))
    rows = [row.rstrip() for row in terminal.display]
    assert rows[0].startswith("by-hand  9 of 24 trials, 9 running,")
    assert rows[1] == "8 complete, 1 pruned"
    assert rows[2] == "failures: 1 mode-collapse"
    (headings,) = (row.split() for row in rows if row.split()[:2] == ["trial", "state"])
    assert headings[:7] == ["trial", "state", "verdict", "mmd", "params", "step", "speed"]
    assert ("loss" in headings) == (width == 120)
    (nine,) = (row.split() for row in rows if row.split()[:1] == ["9"])
    assert nine[:3] == ["9", "training", "healthy"]
    assert "700/1500" in nine and nine[6:8] == ["2.5", "s/step"]
    assert any(row.startswith("best so far: trial 0, generator_params 1,000") for row in rows)
    assert any(row.split()[:2] == ["front", "generator_params"] for row in rows)
