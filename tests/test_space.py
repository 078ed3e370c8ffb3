from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from gansearch.candidate import Candidate
from gansearch.document import StudyDocument
from gansearch.registry import Registry
from gansearch.space import SearchSpace
from gansearch.testing import RandomSource

TWO_ARCHITECTURES = "generator=[{use: dense, width: 8}, {use: dcgan, width: {low: 2, high: 4}, levels: 2}]"


def test_the_baseline_has_what_the_study_says_and_the_defaults_of_the_rest(make_space):
    baseline = make_space().baseline
    assert (baseline.generator.width, baseline.generator.latent) == (64, 8)
    assert baseline.schedule.generator_lr == 2e-4


def test_candidates_stay_within_the_study(make_space):
    space = make_space()
    for seed in range(20):
        candidate = space.draw(RandomSource(seed))
        assert candidate.generator.width in range(8, 65, 8)
        assert candidate.generator.layers == 1
        assert candidate.discriminator == space.baseline.discriminator


def test_a_list_of_architectures_is_chosen_from(make_space):
    space = make_space(TWO_ARCHITECTURES, "baseline={}")
    chosen = Counter(space.draw(RandomSource(seed)).uses["generator"] for seed in range(40))
    assert set(chosen) == {"dense", "dcgan"}
    assert space.baseline_parameters["generator"] == "dense"


def test_search_true_tries_every_domain_of_the_component(make_space):
    space = make_space(
        "discriminator={use: downconv, search: true, kernel: 3, layers: 2}", "dataset={use: fashion-mnist}"
    )
    drawn = [space.draw(RandomSource(seed)).discriminator for seed in range(20)]
    assert len({d.width for d in drawn}) > 3
    assert {d.kernel for d in drawn} == {3}


def test_a_candidate_is_the_same_after_a_round_trip_through_json(make_space):
    space = make_space()
    for seed in range(5):
        candidate = space.draw(RandomSource(seed))
        again = Candidate.from_json(candidate.to_json(), Registry())
        assert again == candidate
        assert again.identity == candidate.identity


def test_candidates_that_differ_in_one_field_have_other_identities(make_space):
    assert make_space().baseline.identity != make_space("discriminator.width=17").baseline.identity


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 7))
def test_whatever_integer_range_a_study_gives_is_kept_to(low, steps, step):
    text = f"""
name: p
dataset: {{use: ring-2d}}
generator: {{use: dense, width: {{low: {low}, high: {low + steps * step}, step: {step}}}}}
discriminator: {{use: dense}}
loss: {{use: bce}}
schedule: {{use: alternating}}
baseline: {{generator: {{width: {low}}}}}
objectives: [{{metric: generator_params, direction: minimize}}]
"""
    space = SearchSpace(StudyDocument.parse(text).spec(), Registry())
    for seed in range(5):
        assert space.draw(RandomSource(seed)).generator.width in range(low, low + steps * step + 1, step)
