"""The `shrink` sampler, with everything real but the training."""

import math

import pytest
from support.stubs import InlineExecutor, KilledError

from gansearch.errors import StudyError
from gansearch.messages import Outcome
from gansearch.search.bayesian import searcher
from gansearch.search.bayesian.acquisition import Goal
from gansearch.search.bayesian.candidate_pool import RandomPool
from gansearch.search.feasibility import FeasibilityCheck
from gansearch.signals import HEALTHY, Verdict
from gansearch.study.study import Study
from gansearch.trial_record import Rung

SHRINK = (
    "search.sampler=shrink",
    "search.startup_trials=4",
    "pruning.rungs=[0.25, 0.5]",
    "pruning.min_healthy_trials=2",
)
FAILED = Outcome(Verdict("mode-collapse", 12, {}, "mode-collapse"), steps=12, seconds=0.1)


def quality_of(job):
    """Better the larger the generator, with a learning rate of its own."""
    return 4 / job.candidate.generator.width + abs(
        math.log10(job.candidate.schedule.generator_lr / 1e-3)
    )


def trained(job):
    """Halves its distance from each rung to the next; a generator of width 8 fails."""
    if job.candidate.generator.width < 16:
        return FAILED
    quality = quality_of(job)
    rungs = [
        Rung(5, {"sliced_wasserstein": 4 * quality}),
        Rung(10, {"sliced_wasserstein": 2 * quality}),
    ]
    return Outcome(
        HEALTHY, steps=20, seconds=0.1, rungs=rungs, metrics={"sliced_wasserstein": quality}
    )


def results(store):
    """State, parameters and steps of every trial, by number."""
    return [
        (record.number, record.state, dict(record.parameters), record.steps)
        for record in store.records()
    ]


def test_a_promoted_trial_does_not_count_as_another_candidate(search):
    records = search(InlineExecutor(trained), *SHRINK, "search.trials=16").records()
    assert [record.number for record in records] == list(range(16))


def test_runs_that_are_unlikely_to_reach_the_front_are_paused(search):
    records = search(InlineExecutor(trained), *SHRINK, "search.trials=16").records()
    paused = [record for record in records if record.state == "paused"]
    assert paused
    assert all(record.dominated_by and record.reason for record in paused)


def test_a_paused_trial_is_promoted_from_its_checkpoint_while_it_may_reach_the_front(
    search, monkeypatch
):
    monkeypatch.setattr(searcher, "MIN_REACH_PROBABILITY", 0.0)
    executor = InlineExecutor(trained)
    records = search(executor, *SHRINK, "search.trials=16").records()
    promoted = {job.trial for job in executor.jobs if job.resume_from is not None}
    assert promoted
    assert all(job.resume_from in (None, job.folder) for job in executor.jobs)
    assert all(records[number].steps == 20 for number in promoted)
    assert not [record for record in records if record.state == "paused"]


def test_a_killed_search_continues_as_an_uninterrupted_one(search, tmp_path):
    with pytest.raises(KilledError):
        search(InlineExecutor(trained, dies_after=9), *SHRINK, "search.trials=14")
    resumed = results(search(InlineExecutor(trained), *SHRINK, "search.trials=14"))
    (tmp_path / "run").rename(tmp_path / "before")
    assert resumed == results(search(InlineExecutor(trained), *SHRINK, "search.trials=14"))


def test_the_shrink_sampler_needs_a_quality(make_space):
    sizes = ("generator_params", "generator_bytes")
    objectives = ", ".join(f"{{metric: {size}, direction: minimize}}" for size in sizes)
    with pytest.raises(StudyError, match="needs two objectives, a size and a quality"):
        make_space("search.sampler=shrink", f"objectives=[{objectives}]")


def test_no_candidate_is_trained_twice_and_an_exhausted_space_ends_the_search(search):
    space = (
        "generator.width={choices: [16, 32, 64]}",
        "generator.latent={choices: [2, 8]}",
        "schedule.generator_lr=0.001",
        "pruning.rungs=[]",
    )
    executor = InlineExecutor(trained)
    records = search(executor, *SHRINK[:2], *space, "search.trials=20").records()
    begun = [job.candidate.identity for job in executor.jobs if job.resume_from is None]
    assert len(begun) == len(set(begun)) == len(records) == 6
    assert search.audience.is_exhausted


@pytest.mark.parametrize("startup_trials", [2, 50])
def test_no_candidate_of_a_larger_space_is_trained_twice(search, startup_trials):
    executor = InlineExecutor(trained)
    settings = (
        "search.sampler=shrink",
        f"search.startup_trials={startup_trials}",
        "generator.latent=8",
        "schedule.generator_lr=0.001",
        "pruning.rungs=[]",
        "search.trials=8",
    )
    search(executor, *settings)
    begun = [job for job in executor.jobs if job.resume_from is None]
    assert sorted(job.candidate.generator.width for job in begun) == [*range(8, 65, 8)]


def test_the_searcher_decides_on_nothing_once_there_are_enough_trials(
    make_spec, make_space, search
):
    settings = (*SHRINK, "search.trials=5", "pruning.rungs=[]")
    store = search(InlineExecutor(trained), *settings)
    spec, space = make_spec(*settings), make_space(*settings)
    study = Study(spec, space, space.dataset.load(), lambda candidate: {"generator_params": 1.0})
    goal = Goal.of(spec, study.objectives)
    feasibility = FeasibilityCheck(space, study.sizes, {})
    pool = RandomPool(space, feasibility, "generator_params")
    enough = searcher.BayesianSearcher(spec, space, store, goal, 20, pool)
    enough.begin(store.records())
    assert enough.next_trial(running=0) is None
