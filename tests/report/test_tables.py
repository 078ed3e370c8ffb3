import io

import pytest
from rich.console import Console

from gansearch.report.numbers import figure, percent
from gansearch.report.survey import Survey
from gansearch.report.tables import FrontTable, varied
from gansearch.report.tally import condemned, condemned_table, count_states, tally_line


def printed(renderable, width):
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue()


@pytest.fixture
def survey(study, trial):
    return Survey.of(study(), [trial(0, 234_177, 5.0), trial(1, 6_873, 5.2), trial(2, 52_401, 3.0)])


def test_a_wide_terminal_gets_a_column_a_parameter(survey):
    heading, smallest, *_ = printed(FrontTable(survey), 100).splitlines()
    assert heading.split() == ["trial", "generator_params", "of", "★", "mmd", "width"]
    assert smallest.split() == ["1", "◆", "6,873", "2.9%", "5.2", "1"]


def test_a_narrow_terminal_gets_a_second_table_for_the_parameters(study, trial):
    many = {f"generator.quantity_{i}": 0 for i in range(5)}
    records = [trial(n, 100 - n, n + 1.0, parameters={k: n for k in many}) for n in range(2)]
    lines = printed(FrontTable(Survey.of(study(), records)), 80).splitlines()
    assert lines[0].split()[-1] == "mmd"
    assert lines[4].split() == ["trial", *(f"quantity_{i}" for i in range(5))]
    assert max(map(len, lines)) <= 80


def test_trials_that_stand_out_beside_the_front_are_shown_too(survey):
    assert [record.number for record in FrontTable(survey).rows()] == [1, 2, 0]
    assert "Dim trials are not on the front." in printed(FrontTable(survey), 100)


def test_only_parameters_that_differ_are_shown_by_their_shortest_name(trial):
    rows = [
        trial(
            0, 1, 1.0, parameters={"generator.width": 1, "discriminator.width": 2, "generator.latent": n, "loss": "x"}
        )
        for n in (8, 16)
    ]
    assert varied(rows) == {"latent": "generator.latent"}


def test_the_condemned_are_told_with_verdict_step_and_rule(trial):
    records = [
        trial(0, 10, 1.0),
        trial(1, 5_000, None, "mode-collapse"),
        trial(2, 7, None, state="failed", reason="[x]"),
    ]
    out = printed(condemned_table(condemned(records)), 100).splitlines()
    assert out[1].split() == ["1", "5,000", "mode-collapse", "600", "told", "mode-collapse"]
    assert out[2].split() == ["2", "7", "failed", "-", "[x]"]


def test_what_was_rejected_or_retried_counts_apart(trial):
    records = [
        trial(0, 1, 1.0),
        trial(1, 1, None, "diverged"),
        trial(2, 1, None, verdict="healthy", state="pruned", rejected=True),
        trial(3, 1, None, state="failed", retried=True),
    ]
    counts = {state: count for state, count in count_states(records).items() if count}
    assert counts == {"complete": 1, "pruned": 1, "rejected": 1, "retried": 1}
    assert tally_line(records[:2]) == "1 complete, 1 pruned; [green]1 healthy[/], [bright_red]1 diverged[/]"


@pytest.mark.parametrize(
    ("share", "text"), [(0.0294, "2.9%"), (0.0997, "10%"), (0.465, "46%"), (1.0, "100%"), (0.0, "0%"), (None, "-")]
)
def test_shares_are_told_to_two_digits(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(("value", "text"), [(0.03049, "0.0305"), (4009.3, "4,009"), (None, "-"), (8e16, "8e+16")])
def test_figures_are_told_to_the_digits_that_count(value, text):
    assert figure(value) == text
