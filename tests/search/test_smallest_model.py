"""Searches for the smallest model within tolerance."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support.stubs import Audience, InlineExecutor

from gansearch.evaluation.counting import SizeCounter
from gansearch.messages import Outcome
from gansearch.ranking.pareto import Objective
from gansearch.run import Study, search_driver
from gansearch.search.bayesian.acquisition import SizeReduction
from gansearch.search.smallest_model import SizeCeiling, SmallestModelGoal
from gansearch.signals import HEALTHY
from gansearch.storage.database import database_of
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_store import TrialStore
from gansearch.trial_record import Rung

SIZE, MMD = Objective("generator_params", "minimize", is_size=True), Objective("mmd", "minimize")
SMALLEST = (
    "search.aim=smallest",
    "search.startup_trials=4",
    "pruning.min_healthy_trials=2",
    "certification.tolerance=1.0",
)


def trained(job):
    """Better the larger the generator; a width of 32 is within a tolerance of 1 of the baseline."""
    quality = 4 / job.candidate.generator.width
    rungs = [
        Rung(5, {"sliced_wasserstein": 4 * quality}),
        Rung(10, {"sliced_wasserstein": 2 * quality}),
    ]
    return Outcome(
        HEALTHY, steps=20, seconds=0.1, rungs=rungs, metrics={"sliced_wasserstein": quality}
    )


@pytest.fixture
def size_to_beat(study, trial):
    """The size to beat beside a baseline of 1,000 parameters and an MMD of 50, so a limit of 55."""

    def of(*others, **known):
        records = [
            trial(0, 1000, 50.0),
            *(trial(i, size, mmd) for i, (size, mmd) in enumerate(others, start=1)),
        ]
        goal = SmallestModelGoal(study(), (SIZE, MMD), **known)
        return goal.size_to_beat(records, SIZE, MMD, goal.quality_limit(records))

    return of


def test_without_anything_better_the_baseline_is_the_size_to_beat(size_to_beat):
    assert size_to_beat() == 1000
    assert size_to_beat((100, 60.0)) == 1000


def test_a_model_counts_if_it_is_better_than_the_limit_by_the_noise_between_seeds(size_to_beat):
    assert size_to_beat((100, 54.0)) == 1000, "within tolerance by one run, perhaps a lucky one"
    assert size_to_beat((100, 48.0)) == 100


def test_a_failed_certification_rules_a_model_out_and_a_champion_always_counts(size_to_beat):
    disproved, champion = frozenset({1}), SizeCeiling("generator_params", 300, 2)
    assert size_to_beat((100, 40.0), disproved=disproved) == 1000
    assert size_to_beat((100, 40.0), disproved=disproved, ceiling=champion) == 300


def test_a_larger_model_gains_nothing_and_a_quality_better_than_needed_gains_no_more():
    reduction = SizeReduction((), smallest=3.0, limit=math.log(50))
    sizes, means = np.array([3.1, 3.0, 2.0, 2.0, 2.0]), np.log([1.0, 1.0, 1.0, 25.0, 100.0])
    gains = reduction.gain(sizes, means, np.full(5, 1e-3))
    assert gains == pytest.approx([0, 0, 1, 1, 0])
    assert reduction.level(3.0) == -math.inf


def test_the_search_finds_the_smallest_model_and_trains_none_as_large_as_the_baseline(search):
    records = search(
        InlineExecutor(trained), *SMALLEST, "search.sampler=shrink", "search.trials=16"
    ).records()
    widths = [
        record.candidate["generator"]["width"] for record in records if record.state == "complete"
    ]
    assert min(width for width in widths if 4 / width <= 2 * 4 / 64) == 32
    proposed = records[5:]
    assert proposed
    assert all(record.candidate["generator"]["width"] < 64 for record in proposed)


@pytest.fixture
def certified(make_spec, make_space, tmp_path, run_of):
    """Run a search, or continue it with more trials after one of its trials was certified."""

    def run(trial, trials):
        settings = (
            *SMALLEST,
            "search.sampler=shrink",
            f"search.trials={trials}",
            "certification.required=1",
        )
        spec, space = make_spec(*settings), make_space(*settings)
        folder = RunFolder.create(tmp_path / "run", spec)
        folder.write_study(spec)
        store = TrialStore.open(database_of(folder.path, None), spec.name, spec.objectives)
        study = Study(
            spec,
            space,
            space.dataset.load(),
            SizeCounter(space.dataset.load().shape, space.metrics),
        )
        runs = [] if trial is None else [run_of(store.record(trial), spec.training.seed + 1)]
        search_driver(
            study, store, folder.trial, InlineExecutor(trained), run.audience, runs=runs
        ).run()
        return store.records()

    run.audience = Audience()
    return run


@pytest.fixture
def run_of():
    """A healthy run of a trial's candidate with another seed."""
    return lambda record, seed: replace(
        record, number=0, certifies=record.number, seed=seed, baseline=False
    )


def test_no_candidate_as_large_as_a_certified_champion_is_trained(certified):
    before = certified(None, 8)
    champion = min(
        (r for r in before if r.state == "complete" and r.metrics["sliced_wasserstein"] <= 0.125),
        key=lambda record: record.sizes["generator_params"],
    )
    after = certified(champion.number, 16)[len(before) :]
    assert after
    assert all(
        record.sizes["generator_params"] < champion.sizes["generator_params"] for record in after
    )


def test_a_refusal_names_the_champion_and_both_sizes():
    ceiling = SizeCeiling("generator_params", 3585, 13)
    assert ceiling.refusal({"generator_params": 3584}) == ""
    assert ceiling.refusal({"generator_params": 3585}) == (
        "generator_params 3,585 is no smaller than the 3,585 of trial 13, the certified champion"
    )
