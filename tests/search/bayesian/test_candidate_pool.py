"""Candidates drawn from spaces whose fields depend on the architecture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.domains import Choices, FloatRange, IntRange
from gansearch.registry import Registry
from gansearch.search.bayesian.candidate_pool import (
    RandomPool,
    enumerated,
    mutated,
    neighbour,
    random_parameters,
)
from gansearch.search.feasibility import FeasibilityCheck
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import Bounds
from gansearch.study.yaml_file import StudyDocument
from gansearch.trial_record import TrialRecord

CONDITIONAL = """
name: conditional
dataset: {use: fashion-mnist}
generator:
  - {use: dcgan, width: {low: 4, high: 32, log: true}, latent: {choices: [1, 16, 64]}}
  - {use: dense, width: {low: 16, high: 64, step: 16}, layers: {choices: [1, 2]}}
discriminator: {use: dcgan, width: 16}
loss: {use: bce}
schedule: {use: alternating, generator_lr: {low: 1.0e-4, high: 1.0e-2, log: true}}
objectives: [{metric: generator_params, direction: minimize}, {metric: mmd, direction: minimize}]
baseline: {generator: {width: 16, latent: 16}}
search: {sampler: shrink}
"""
SEEDS = st.integers(0, 2**32 - 1)


def space_of(text):
    return SearchSpace(StudyDocument.parse(text).spec(), Registry())


SPACE = space_of(CONDITIONAL)
FINITE = space_of(CONDITIONAL.replace("{low: 1.0e-4, high: 1.0e-2, log: true}", "1.0e-3"))


def check_is_valid(parameters):
    """Every value lies in its domain, and the candidate has these very values."""
    assert all(SPACE.domains[name].contains(value) for name, value in parameters.items())
    generator = SPACE.candidate(parameters).generator
    prefix = f"generator.{parameters['generator']}."
    fields = {name: value for name, value in parameters.items() if name.startswith(prefix)}
    assert len(fields) == 2
    assert {name: getattr(generator, name.removeprefix(prefix)) for name in fields} == fields
    assert parameters.keys() == {"generator", "schedule.generator_lr", *fields}


@given(SEEDS)
def test_drawn_parameters_lie_in_their_domains_and_give_a_valid_candidate(seed):
    check_is_valid(random_parameters(SPACE, np.random.default_rng(seed)))


@given(SEEDS)
def test_mutated_parameters_lie_in_their_domains_and_keep_the_architecture(seed):
    rng = np.random.default_rng(seed)
    parent = random_parameters(SPACE, rng)
    child = mutated(parent, SPACE.domains, rng)
    check_is_valid(child)
    assert child["generator"] == parent["generator"]
    assert sum(child[name] != parent[name] for name in parent) <= 2


def test_the_same_seed_draws_the_same_parameters():
    """The very values, since they must not depend on the machine."""
    assert random_parameters(SPACE, np.random.default_rng(0)) == DRAWN


DRAWN = {
    "generator": "dense",
    "generator.dense.width": 32,
    "generator.dense.layers": 1,
    "schedule.generator_lr": 0.000107908,
}


@pytest.mark.parametrize(
    "domain",
    [
        IntRange(2, 32, log=True),
        IntRange(0, 64, step=8),
        FloatRange(1e-4, 1e-2, log=True),
        FloatRange(0.0, 1.0, step=0.3),
        Choices("a", "b"),
    ],
)
def test_a_neighbour_of_a_value_lies_in_the_domain(domain):
    rng, value = np.random.default_rng(0), domain.extremes()[0]
    for _ in range(200):
        value = neighbour(domain, value, rng)
        assert domain.contains(value)


def test_a_space_with_few_candidates_is_enumerated_each_once():
    found = enumerated(FINITE, 200)
    identities = {FINITE.candidate(parameters).identity for parameters in found}
    # Widths 4 to 32 times three latents, and four widths times two numbers of layers.
    assert len(found) == len(identities) == 29 * 3 + 4 * 2


def test_a_space_with_a_continuous_field_or_too_many_candidates_is_not_enumerated():
    assert enumerated(SPACE, 200) is None
    assert enumerated(FINITE, 94) is None


@pytest.fixture
def pool():
    def widths(candidate):
        return {"generator_params": float(candidate.generator.width)}

    check = FeasibilityCheck(FINITE, widths, {"generator_params": Bounds(max=24)})
    return RandomPool(FINITE, check, "generator_params")


def trial(number, parameters, **fields):
    return TrialRecord(number, "running", parameters, **fields)


def test_the_pool_leaves_out_infeasible_and_tried_candidates_even_those_still_running(pool):
    records = [
        trial(i, parameters)
        for i, parameters in enumerate(enumerated(FINITE, 200))
        if FINITE.candidate(parameters).generator.width not in (16, 24, 32)
    ]
    left = pool.candidates(records, [records[0].parameters], seed=0)
    assert {size for _, size in left} <= {16.0, 24.0}
    identities = [FINITE.candidate(parameters).identity for parameters, _ in left]
    assert len(identities) == len(set(identities)) > 0


def test_a_space_is_exhausted_once_every_feasible_candidate_is_tried(pool):
    feasible = [p for p in enumerated(FINITE, 200) if FINITE.candidate(p).generator.width <= 24]
    records = [trial(i, parameters) for i, parameters in enumerate(feasible)]
    assert pool.random_candidate(records, seed=0) is None
    assert pool.random_candidate(records[1:], seed=0) == records[0].parameters
