"""A search that is after the smallest model within tolerance and nothing else."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support.stubs import InlineExecutor

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
    """Better the larger the generator; the baseline's is 64 wide, and with a tolerance of 1 half of that will do."""
    quality = 4 / job.candidate.generator.width
    rungs = [
        Rung(5, {"sliced_wasserstein": 4 * quality}),
        Rung(10, {"sliced_wasserstein": 2 * quality}),
    ]
    return Outcome(
        HEALTHY, steps=20, seconds=0.1, rungs=rungs, metrics={"sliced_wasserstein": quality}
    )


@pytest.fixture
def to_beat(study, trial):
    """The size that a search has to beat, beside a baseline of 1,000 parameters and an MMD of 50, so a limit of 55."""

    def of(*others, **known):
        records = [
            trial(0, 1000, 50.0),
            *(trial(i, size, mmd) for i, (size, mmd) in enumerate(others, start=1)),
        ]
        aim = SmallestModelGoal(study(), (SIZE, MMD), **known)
        return aim.to_beat(records, SIZE, MMD, aim.limit(records))

    return of


def test_without_anything_better_it_is_the_baseline_that_must_be_beaten(to_beat):
    assert to_beat() == 1000
    assert to_beat((100, 60.0)) == 1000


def test_a_model_counts_once_it_is_better_than_the_limit_by_what_two_seeds_differ(to_beat):
    assert (
        to_beat((100, 54.0)) == 1000
    )  # within tolerance by its one run, which may have been lucky
    assert to_beat((100, 48.0)) == 100


def test_one_whose_certification_failed_does_not_count_and_a_champion_always_does(to_beat):
    assert to_beat((100, 40.0), disproved=frozenset({1})) == 1000
    assert (
        to_beat(
            (100, 40.0), disproved=frozenset({1}), ceiling=SizeCeiling("generator_params", 300, 2)
        )
        == 300
    )


def test_what_is_no_smaller_gains_nothing_and_what_is_better_than_needed_gains_no_more():
    descent = SizeReduction((), smallest=3.0, limit=math.log(50))
    sizes, means = np.array([3.1, 3.0, 2.0, 2.0, 2.0]), np.log([1.0, 1.0, 1.0, 25.0, 100.0])
    gains = descent.gain(sizes, means, np.full(5, 1e-3))
    assert gains == pytest.approx([0, 0, 1, 1, 0])
    assert descent.level(3.0) == -math.inf


def test_it_finds_the_smallest_within_tolerance_and_begins_none_that_is_larger(search):
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
    """Runs a search in a folder, and goes on with more trials after one of its candidates was certified."""

    def run(trial, trials):
        settings = (
            *SMALLEST,
            "search.sampler=shrink",
            f"search.trials={trials}",
            "certification.required=1",
        )
        spec, space = make_spec(*settings), make_space(*settings)
        folder = RunFolder.create(tmp_path / "run", spec)
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

    from support.stubs import Audience

    run.audience = Audience()
    return run


@pytest.fixture
def run_of():
    """A healthy run of a trial's candidate with another seed."""
    return lambda record, seed: replace(
        record, number=0, certifies=record.number, seed=seed, baseline=False
    )


def test_what_is_no_smaller_than_a_certified_champion_is_refused_unseen(certified):
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


def test_a_refusal_says_which_champion_it_is_no_smaller_than():
    ceiling = SizeCeiling("generator_params", 3585, 13)
    assert ceiling.refusal({"generator_params": 3584}) == ""
    assert ceiling.refusal({"generator_params": 3585}) == (
        "generator_params 3,585 is no smaller than the 3,585 of trial 13, the certified champion"
    )
