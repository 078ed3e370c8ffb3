from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from gansearch.candidate import Candidate
from gansearch.registry import Registry
from gansearch.study.search_space import SearchSpace
from gansearch.study.yaml_file import StudyDocument
from gansearch.testing import RandomSource

TWO_ARCHITECTURES = (
    "generator=[{use: dense, width: 8}, {use: dcgan, width: {low: 2, high: 4}, levels: 2}]"
)


def test_the_baseline_has_the_fields_of_the_study_and_defaults_for_the_others(make_space):
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


def test_candidates_are_drawn_from_every_component_of_a_list(make_space):
    space = make_space(TWO_ARCHITECTURES, "baseline={}")
    chosen = Counter(space.draw(RandomSource(seed)).uses["generator"] for seed in range(40))
    assert set(chosen) == {"dense", "dcgan"}
    assert space.baseline_parameters["generator"] == "dense"


def test_search_true_tries_every_domain_of_the_component(make_space):
    space = make_space(
        "discriminator={use: downconv, search: true, kernel: 3, layers: 2}",
        "dataset={use: fashion-mnist}",
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
def test_candidates_stay_within_any_integer_range(low, steps, step):
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
        assert space.draw(RandomSource(seed)).generator.width in range(
            low, low + steps * step + 1, step
        )


DATA = "dataset={use: ring-2d, samples: 400, test_samples: 200, limit: {choices: [null, 50, 100]}}"
RATE = "generator_lr: {low: 1.0e-4, high: 1.0e-2, log: true}"
TWO_SCHEDULES = (
    f"schedule=[{{use: epochs-in-turn, {RATE}, epochs: {{choices: [1, 2]}}}},"
    f" {{use: alternating, {RATE}, half_batches: {{choices: [false, true]}}}}]"
)


def changed(baseline, candidate):
    """Yield the fields in which two candidates differ, or the role where the component differs."""
    pairs = zip(baseline.to_json().items(), candidate.to_json().values(), strict=True)
    for (role, base), own in pairs:
        if base["use"] != own["use"]:
            yield role
        else:
            yield from (f"{role}.{field}" for field in base if base[field] != own[field])


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 6), st.integers(1, 9), st.floats(1e-4, 1e-2), st.integers(1, 5))
def test_a_variation_is_the_baseline_but_for_one_thing(levels, step, rate, steps):
    width = f"{{low: 8, high: {8 + steps * step}, step: {step}}}"
    text = f"""
name: p
dataset: {{use: ring-2d, limit: {{choices: [null, 50]}}}}
generator: {{use: dense, width: {width}, latent: {{choices: [2, 8]}}}}
discriminator: {{use: dense}}
loss: [{{use: bce}}, {{use: hinge}}]
schedule: {{use: alternating, generator_lr: {{low: 1.0e-4, high: 1.0e-2, log: true}}}}
baseline: {{generator: {{width: 8, latent: 8}}, schedule: {{generator_lr: {rate}}}}}
objectives: [{{metric: generator_params, direction: minimize}}]
"""
    space = SearchSpace(StudyDocument.parse(text).spec(), Registry())
    variations = [space.candidate(parameters) for parameters in space.variations(levels)]
    differing = [tuple(changed(space.baseline, variation)) for variation in variations]
    assert all(len(fields) == 1 for fields in differing)
    assert {field for (field,) in differing} == {
        "dataset.limit",
        "generator.width",
        "generator.latent",
        "loss",
        "schedule.generator_lr",
    }
    assert len({variation.identity for variation in variations}) == len(variations)


def test_another_architecture_keeps_the_values_of_the_baseline_where_it_can(make_space):
    space = make_space(
        TWO_SCHEDULES,
        "baseline={generator: {width: 64, latent: 8}, schedule: {generator_lr: 0.005, epochs: 2}}",
    )
    others = [space.candidate(parameters).schedule for parameters in space.variations(3)]
    (alternating,) = {schedule for schedule in others if type(schedule).__name__ == "Alternating"}
    assert (alternating.generator_lr, alternating.half_batches) == (0.005, False)


def test_a_queued_candidate_is_no_variation(make_space):
    widths = "generator={use: dense, output: none, width: {choices: [8, 16, 64]}, latent: 8}"
    space = make_space(
        widths, "queue=[{generator: {width: 16}}]", "baseline={generator: {width: 64}}"
    )
    tried = [space.candidate(parameters).generator.width for parameters in space.variations(2)]
    assert tried.count(8) == 1 and 16 not in tried


def test_a_field_of_the_data_set_is_searched_like_any_other(make_space):
    space = make_space(DATA)
    assert space.baseline.dataset.limit is None
    assert {space.draw(RandomSource(seed)).dataset.limit for seed in range(20)} == {None, 50, 100}
