"""Properties of a certification plan for any results of its seeds."""

import math
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import STUDY
from gansearch.ranking.certificate import certificates_of
from gansearch.ranking.pareto import Objective
from gansearch.ranking.tolerance import fresh_seeds
from gansearch.search.certification_plan import CertificationPlan, Choice
from gansearch.signals import Verdict
from gansearch.study.yaml_file import StudyDocument
from gansearch.trial_record import TrialRecord

SIZE, QUALITY = (
    Objective("generator_params", "minimize", is_size=True),
    Objective("sliced_wasserstein", "minimize"),
)


def spec_of(*overrides):
    return StudyDocument.parse(STUDY, "tiny.yaml", overrides).spec()


def run_of(trial, seed, number, quality):
    healthy = math.isfinite(quality)
    return TrialRecord(
        number,
        "complete" if healthy else "pruned",
        {},
        metrics={"sliced_wasserstein": quality} if healthy else {},
        verdict=Verdict("healthy") if healthy else Verdict("mode-collapse"),
        certifies=trial,
        seed=seed,
    )


def searched_by_hand(sizes):
    known = {"sliced_wasserstein": 5.0}
    sound = Verdict("healthy")
    return [
        TrialRecord(
            n,
            "complete",
            {},
            identity=str(n),
            sizes={"generator_params": size},
            metrics=known,
            verdict=sound,
            baseline=n == 0,
        )
        for n, size in enumerate(sizes)
    ]


def carried_out(plan, outcome, slots, order):
    """Every run that a plan asks for, so many side by side, ending in an order that others
    choose."""
    runs, pending = [], []
    while True:
        while len(pending) < slots and (due := plan.due(runs, pending)):
            pending.append(due)
        if not pending:
            return runs
        trial, seed = pending.pop(order.randrange(len(pending)))
        runs.append(run_of(trial, seed, len(runs), outcome[trial, seed]))


@settings(deadline=None)
@given(data=st.data(), allowed=st.integers(1, 7), slots=st.integers(1, 5), order=st.integers(0, 99))
def test_whatever_comes_of_the_seeds_no_more_are_trained_than_allowed_and_all_of_them_would_agree(
    data, allowed, slots, order
):
    required = data.draw(st.integers(1, allowed))
    spec = spec_of(f"certification={{seeds: {allowed}, required: {required}}}")
    qualities = st.one_of(st.just(math.nan), st.floats(4.0, 7.0))
    outcome = {(t, s): data.draw(qualities) for t in range(3) for s in fresh_seeds(spec)}
    records = searched_by_hand([30, 20, 10])
    plan = CertificationPlan(
        spec, records, (SIZE, QUALITY), Choice(data.draw(st.sampled_from([(), (2, 1)])))
    )
    runs = carried_out(plan, outcome, slots, Random(order))

    seen = [(run.certifies, run.seed) for run in runs]
    assert len(set(seen)) == len(seen)
    assert {seed for _, seed in seen} <= {*fresh_seeds(spec)}
    for trial, told in certificates_of(spec, records, runs, (SIZE, QUALITY)).items():
        healthy = sum(math.isfinite(outcome[trial, seed]) for seed in fresh_seeds(spec))
        assert told.status in ("undecided", "stable" if healthy >= required else "unstable")
        assert told.healthy <= max(required, 1)
        if plan.choice.trials:
            assert told.status != "undecided"


def test_one_whose_median_is_too_weak_by_half_of_its_seeds_keeps_nobody_from_being_tried():
    spec = spec_of(
        "certification={seeds: 5, required: 4, tolerance: 0.1, tolerance_reference: baseline}"
    )
    qualities = {
        0: [5, 5, 5, 5],
        1: [5, 5, 5, 5],
        2: [5, 5.2, 6, 6.2],
    }  # from the largest; at most 5.5 will do
    outcome = {
        (t, s): v
        for t, values in qualities.items()
        for s, v in zip(fresh_seeds(spec), values, strict=False)
    }
    plan = CertificationPlan(spec, searched_by_hand([30, 20, 10]), (SIZE, QUALITY), Choice())
    assert [run.certifies for run in carried_out(plan, outcome, 1, Random(0))] == [0] * 4 + [
        2
    ] * 4 + [1] * 4


@settings(deadline=None)
@given(data=st.data(), allowed=st.integers(1, 6), slots=st.integers(1, 3), order=st.integers(0, 99))
def test_a_certification_ends_with_a_champion_or_when_nobody_can_pass_any_more(
    data, allowed, slots, order
):
    required = data.draw(st.integers(1, allowed))
    spec = spec_of(f"certification={{seeds: {allowed}, required: {required}}}")
    qualities = st.one_of(st.just(math.nan), st.floats(4.0, 7.0))
    outcome = {(t, s): data.draw(qualities) for t in range(3) for s in fresh_seeds(spec)}
    records = searched_by_hand([30, 20, 10])
    runs = carried_out(
        CertificationPlan(spec, records, (SIZE, QUALITY), Choice()), outcome, slots, Random(order)
    )
    told = certificates_of(spec, records, runs, (SIZE, QUALITY))
    for trial in filter(
        told.__contains__, (2, 1, 0)
    ):  # by the search alone the others are too weak
        if told[trial].passes:
            break
        assert told[trial].out_of_reach
