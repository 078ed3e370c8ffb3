import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gansearch.domains import is_domain_node, parse_domain
from gansearch.errors import DomainError
from gansearch.study.foreign_domains import as_yaml, translated_domain

EIGHT_TO_64 = {"low": 8, "high": 64}
RATES = {"low": 1e-4, "high": 1e-2, "log": True}


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        ([8, 16, 32], {"choices": [8, 16, 32]}),
        ({"values": [8, 16]}, {"choices": [8, 16]}),
        ({"value": 8}, 8),
        ({"min": 8, "max": 64}, EIGHT_TO_64),
        ({"distribution": "int_uniform", "min": 8, "max": 64}, EIGHT_TO_64),
        ({"distribution": "q_uniform", "min": 8, "max": 64, "q": 8}, EIGHT_TO_64 | {"step": 8}),
        ({"distribution": "categorical", "values": [8, 16]}, {"choices": [8, 16]}),
        ({"name": "IntDistribution", "attributes": {"low": 8, "high": 64}}, EIGHT_TO_64),
        (
            {"name": "CategoricalDistribution", "attributes": {"choices": [8, 16]}},
            {"choices": [8, 16]},
        ),
        ({"type": "int", "low": 8, "high": 64}, EIGHT_TO_64),
        ({"_type": "choice", "_value": [8, 16]}, {"choices": [8, 16]}),
        ({"_type": "loguniform", "_value": [8, 64]}, EIGHT_TO_64 | {"log": True}),
        ({"grid_search": [8, 16]}, {"choices": [8, 16]}),
        ({"range": [8, 64]}, EIGHT_TO_64),
        ("trial.suggest_int('width', 8, 64, step=8)", EIGHT_TO_64 | {"step": 8}),
        ("suggest_categorical('width', [8, 16])", {"choices": [8, 16]}),
        ("IntDistribution(8, 64, log=True)", EIGHT_TO_64 | {"log": True}),
        ("tune.choice([8, 16])", {"choices": [8, 16]}),
        ("tune.randint(8, 65)", EIGHT_TO_64),
        ("range(8, 65, 8)", EIGHT_TO_64 | {"step": 8}),
        ("choice(8, 16)", {"choices": [8, 16]}),
        ("tag(log, interval(8, 64))", EIGHT_TO_64 | {"log": True}),
        ("hp.choice('width', [8, 16])", {"choices": [8, 16]}),
        ("8..64", EIGHT_TO_64),
        ("8-64", EIGHT_TO_64),
        ("8, 16, 32", {"choices": [8, 16, 32]}),
    ],
)  # fmt: skip
def test_whole_numbers_of_other_tools_are_translated(written, domain):
    assert translated_domain(written, whole=True) == domain
    if is_domain_node(domain):
        parse_domain(domain, whole=True)


@pytest.mark.parametrize(
    "written",
    [
        {"distribution": "log_uniform_values", "min": 1e-4, "max": "1e-2"},
        {"min": 1e-4, "max": 1e-2, "log": "true"},
        {"distribution": "log_uniform", "min": math.log(1e-4), "max": math.log(1e-2)},
        "trial.suggest_float('lr', 1e-4, 1e-2, log=True)",
        "suggest_loguniform('lr', 1e-4, 1e-2)",
        "tune.loguniform(1e-4, 1e-2)",
        "tag(log, interval(1e-4, 1e-2))",
    ],
)
def test_rates_of_other_tools_are_translated(written):
    assert translated_domain(written, whole=False) == RATES


@pytest.mark.parametrize("value", ["batch", "1e-4", "-5", "", "x-y", "((", {}, [], None, 3, [[1]]])
def test_other_values_are_no_domain(value):
    assert not is_domain_node(translated_domain(value, whole=False))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["min", "max", "values", "value", "q", "distribution", "_type", "_value"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)


@given(VALUES, st.booleans())
def test_any_value_is_translated_or_not_without_an_error(value, whole):
    domain = translated_domain(value, whole=whole)
    if is_domain_node(domain):
        again = yaml.safe_load(as_yaml(domain))
        assert again == domain or repr(again) == repr(domain)  # NaN is not equal to itself
        try:
            parse_domain(domain, whole=whole)
        except DomainError as error:
            assert str(error)
