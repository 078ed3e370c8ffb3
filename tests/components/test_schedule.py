import pytest

from gansearch.components import Phase


def test_a_phase_runs_in_its_part_of_the_cycle():
    phase = Phase("generator", "generate", period=6, begin=3)
    assert [step for step in range(12) if phase.due(step)] == [3, 4, 5, 9, 10, 11]


def test_a_phase_runs_between_its_start_and_its_stop():
    phase = Phase("generator", "generate", start=2, stop=7, period=2, end=1)
    assert [step for step in range(12) if phase.due(step)] == [2, 4, 6]


def test_a_phase_trains_one_of_the_two_networks():
    with pytest.raises(ValueError, match="a phase trains 'generator' or 'discriminator', got"):
        Phase("critic", "generate")


@pytest.mark.parametrize(
    "fields", [{"share": 0.0}, {"share": 1.5}, {"updates": 0}, {"period": 2, "begin": 2}]
)
def test_a_phase_that_could_never_run_is_refused(fields):
    with pytest.raises(ValueError, match="a phase needs"):
        Phase("generator", "generate", **fields)
