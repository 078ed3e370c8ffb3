"""Runs that are given up at a rung, with the driver and a real storage."""

import pytest
from optuna.trial import TrialState
from support.stubs import InlineExecutor

from gansearch.messages import Outcome
from gansearch.signals import HEALTHY
from gansearch.trial_record import Rung

RUNGS = ("pruning.rungs=[0.25]", "pruning.min_healthy_trials=1", "search.trials=8")


def poor_but_the_named(job):
    """The baseline and the queued are good; whatever else is tried has no chance, and is larger."""
    value = 1.0 if job.trial < 2 else 100.0
    rungs = [Rung(5, {"sliced_wasserstein": 2 * value})]
    return Outcome(
        HEALTHY, steps=20, seconds=0.1, rungs=rungs, metrics={"sliced_wasserstein": value}
    )


SMALLEST = "queue=[{generator: {width: 8, latent: 2}}]"


@pytest.fixture
def outdone(search):
    def run(sampler, executor=None):
        store = search(
            executor or InlineExecutor(poor_but_the_named),
            *RUNGS,
            SMALLEST,
            f"search.sampler={sampler}",
        )
        return store, [record for record in store.records() if record.dominated_by]

    return run


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_a_run_without_a_place_on_the_front_is_given_up_at_a_rung_whatever_the_sampler(
    outdone, sampler
):
    _, given_up = outdone(sampler)
    assert [record.number for record in given_up] == list(range(2, 8))
    record = given_up[0]
    assert (record.state, record.steps, record.verdict.status, dict(record.metrics)) == (
        "pruned",
        5,
        "healthy",
        {},
    )
    assert record.reason.endswith("trial 1, which is no larger, has 1")
    assert record.dominated_by[0] in (0, 1)


def test_what_the_study_names_is_trained_to_its_end_however_poor(search):
    def poor(job):
        outcome = poor_but_the_named(job)
        return (
            outcome
            if job.trial == 0
            else poor_but_the_named(type(job)(5, job.candidate, job.folder))
        )

    store = search(InlineExecutor(poor), *RUNGS, SMALLEST, "search.trials=2")
    assert [record.state for record in store.records()] == ["complete", "complete"]


def test_one_at_a_time_gives_nobody_up(search):
    store = search(
        InlineExecutor(poor_but_the_named),
        *RUNGS[:2],
        "search.sampler=one-at-a-time",
        "search.grid_levels=2",
    )
    assert {record.state for record in store.records()} == {"complete"}


def test_rungs_survive_in_the_storage_so_that_a_resumed_search_gives_up_the_same(search, outdone):
    search(InlineExecutor(poor_but_the_named), *RUNGS[:2], SMALLEST, "search.trials=2")
    executor = InlineExecutor(poor_but_the_named)
    _, given_up = outdone("tpe", executor)
    assert [record.number for record in given_up] == list(range(2, 8))
    assert [job.trial for job in executor.jobs] == list(range(2, 8))


def test_nsga2_is_told_complete_of_a_run_that_was_given_up(outdone):
    store, given_up = outdone("nsga2")
    trial = store._study.get_trials(deepcopy=False)[given_up[0].number]
    assert trial.state is TrialState.COMPLETE
