import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.domains import Choices, FloatRange, IntRange, parse_domain
from gansearch.errors import DomainError
from gansearch.testing import RandomSource


@given(st.integers(-50, 50), st.integers(1, 20), st.integers(1, 7), st.integers())
def test_an_int_range_contains_what_it_draws(low, steps, step, seed):
    domain = IntRange(low, low + steps * step, step=step)
    assert domain.contains(domain.draw(RandomSource(seed), "x"))


@given(st.floats(1e-6, 1.0), st.floats(1.0, 1e6), st.booleans(), st.integers())
def test_a_float_range_contains_what_it_draws(low, high, log, seed):
    value = FloatRange(low, high, log=log).draw(RandomSource(seed), "x")
    assert low * (1 - 1e-9) <= value <= high * (1 + 1e-9)


@given(
    st.lists(
        st.one_of(st.integers(), st.text(), st.booleans(), st.none()),
        unique_by=lambda v: (type(v), v),
        min_size=1,
    )
)
def test_choices_contain_every_choice(values):
    domain = parse_domain({"choices": values}, whole=False)
    assert all(domain.contains(value) for value in values)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"low": 1}, "high is missing"),
        ({"low": 3, "high": 1}, "low must not exceed high"),
        ({"low": 0, "high": 1, "log": True}, "must start above zero"),
        ({"low": 1, "high": 4, "log": True, "step": 2}, "takes no step"),
        ({"low": 1, "high": 4, "stepp": 2}, "'stepp' is not among them"),
        ({"low": "a", "high": 4}, "low must be a number, got 'a'"),
        ({"low": 1.5, "high": 4}, "low must be a whole number, got 1.5"),
        ({"low": 1, "high": 4, "step": 2}, "low plus a multiple of step"),
        ({"choices": 3}, "must be a list"),
        ({"choices": []}, "at least one value"),
        ({"choices": [1, 1]}, "differ from each other"),
        ({"choices": [[1]]}, r"must be a number, a string, a boolean or null, got \[1\]"),
    ],
)
def test_a_malformed_domain_is_refused_with_the_rule(node, message):
    with pytest.raises(DomainError, match=message):
        parse_domain(node, whole=True)


def test_a_number_that_yaml_reads_as_a_string_is_accepted():
    assert parse_domain({"low": "1e-3", "high": 1}, whole=False) == FloatRange(0.001, 1.0)


def test_true_is_not_in_a_range_of_whole_numbers():
    assert not IntRange(0, 3).contains(True)


def test_choices_of_different_types_differ():
    assert Choices(1, True).values == (1, True)


@given(st.integers(1, 50), st.integers(1, 20), st.integers(1, 7), st.integers(2, 9))
def test_the_levels_of_an_int_range_are_its_ends_and_members_between(low, steps, step, count):
    domain = IntRange(low, low + steps * step, step=step)
    levels = domain.levels(count)
    assert (levels[0], levels[-1]) == (domain.low, domain.high)
    assert len(levels) <= count and all(domain.contains(level) for level in levels)


@given(st.floats(1e-6, 1.0), st.floats(1.001, 1e6), st.booleans(), st.integers(2, 9))
def test_the_levels_of_a_float_range_are_its_ends_and_members_between(low, high, log, count):
    domain = FloatRange(low, high, log=log)
    levels = domain.levels(count)
    assert (levels[0], levels[-1]) == (low, high)
    assert sorted(levels) == list(levels) and all(domain.contains(level) for level in levels)


def test_levels_are_spread_by_ratio_where_the_range_is_logarithmic():
    assert FloatRange(1e-4, 1e-1, log=True).levels(4) == (1e-4, 1e-3, 1e-2, 1e-1)
    assert IntRange(1, 64, log=True).levels(4) == (1, 4, 16, 64)
    assert IntRange(8, 128, step=8).levels(3) == (8, 72, 128)


def test_the_levels_of_choices_are_all_of_them():
    assert Choices(None, 200, 50).levels(2) == (None, 200, 50)
