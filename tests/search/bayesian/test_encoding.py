import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.domains import Choices, FloatRange, IntRange
from gansearch.search.bayesian.encoding import Encoding

DOMAINS = {
    "width": IntRange(2, 32, log=True),
    "layers": IntRange(1, 3),
    "lr": FloatRange(1e-4, 1e-2, log=True),
    "latent": Choices(1, 4, 16),
    "norm": Choices("batch", "none"),
}
ONE = {"width": 8, "layers": 2, "lr": 1e-3, "latent": 4, "norm": "batch"}


def test_ranges_run_from_0_to_1_on_their_own_scale():
    row = Encoding(DOMAINS)([ONE])[0]
    assert row[:3] == pytest.approx([0.5, 0.5, 0.5])


def test_choices_of_numbers_keep_their_order_and_others_are_one_hot():
    row = Encoding(DOMAINS)([ONE])[0]
    assert row[3:] == pytest.approx([0.5, 0.7, 0.0])


def test_a_field_of_another_architecture_lies_in_the_middle():
    row = Encoding(DOMAINS)([{"layers": 1}])[0]
    assert row == pytest.approx([0.5, 0.0, 0.5, 0.5, 0.0, 0.0])


candidates = st.fixed_dictionaries(
    {
        "width": st.integers(2, 32),
        "layers": st.integers(1, 3),
        "lr": st.floats(1e-4, 1e-2),
        "latent": st.sampled_from([1, 4, 16]),
        "norm": st.sampled_from(["batch", "none"]),
    }
)


@given(st.lists(candidates, min_size=1, max_size=4))
def test_every_candidate_lies_in_the_unit_cube(several):
    rows = Encoding(DOMAINS)(several)
    assert rows.shape == (len(several), 6)
    assert ((rows >= -1e-9) & (rows <= 1 + 1e-9)).all()


@given(candidates, candidates)
def test_two_candidates_have_equal_rows_only_if_they_are_equal(one, other):
    first, second = Encoding(DOMAINS)([one, other])
    assert (abs(first - second).max() < 1e-12) == (one == other)
