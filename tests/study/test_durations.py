import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.study.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("40m", 2400), ("1h30m", 5400), ("90s", 90), ("1.5 h", 5400), ("2d", 172_800), ("3 min", 180)],
)
def test_a_duration_has_a_number_and_a_unit(text, seconds):
    assert parse_duration(text) == seconds


@given(st.text(max_size=20) | st.integers() | st.none())
def test_any_other_text_is_refused(text):
    try:
        assert parse_duration(text) > 0
    except ValueError as error:
        assert "a duration such as 40m" in str(error)
