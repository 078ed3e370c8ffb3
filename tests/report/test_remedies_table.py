import pytest
from rich.console import Console

from gansearch.report.remedies_table import change_line, commonest_remedies, next_steps
from gansearch.signals import Remedy

WAIT = Remedy(
    "let the discriminator wait",
    "it won 9 of 9 steps",
    "a paper",
    {"schedule": {"use": "stalled", "every": 2}},
)
PACK = Remedy("pack", "samples repeat", "another paper")


@pytest.fixture
def printed():
    """Return a function that renders an object as a terminal of 80 columns shows it."""

    def show(renderable):
        console = Console(width=80)
        with console.capture() as capture:
            console.print(renderable)
        return capture.get()

    return show


def test_a_change_is_written_as_a_study_has_it():
    assert change_line(WAIT) == "schedule: {use: stalled, every: 2}"
    assert change_line(Remedy("", "", "", {"dataset": {"limit": None, "classes": [0]}})) == (
        "dataset: {limit: null, classes: [0]}"
    )
    assert change_line(PACK) == ""


def test_remedies_are_told_best_first_with_reason_change_and_source(printed):
    lines = [line.strip() for line in printed(next_steps([WAIT, PACK])).splitlines()]
    assert lines[1:5] == [
        "1  let the discriminator wait",
        "because it won 9 of 9 steps",
        "set schedule: {use: stalled, every: 2}",
        "a paper",
    ]
    assert lines[5:7] == ["2  pack", "because samples repeat"]


def test_the_remedies_of_a_study_are_those_that_come_up_most(trial, printed):
    records = [
        trial(1, 100, 1.0, remedies=(PACK,)),
        trial(2, 100, None, "suspect", remedies=(PACK, WAIT)),
        trial(3, 100, None, "diverged", remedies=(WAIT,)),
        trial(4, 100, None, "diverged", remedies=(WAIT,)),
    ]
    told = printed(commonest_remedies(records))
    assert told.index("3 of 3  let the discriminator wait") < told.index("1 of 3  pack")
    assert "trial 2: it won 9 of 9 steps" in told


def test_a_study_in_which_nothing_went_wrong_needs_nothing(trial):
    assert (
        commonest_remedies([trial(1, 100, 1.0, remedies=(PACK,)), trial(2, 100, None, "diverged")])
        is None
    )
