"""The shrinking search, with everything real but the training."""

import math
import random

import pytest
from support.stubs import InlineExecutor, KilledError

from gansearch.domains import Choices, FloatRange, IntRange
from gansearch.errors import StudyError
from gansearch.messages import Outcome
from gansearch.search.bayesian import searcher
from gansearch.search.bayesian.candidate_pool import near
from gansearch.signals import HEALTHY, Verdict
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
    """Improves by half from each rung to the next; too narrow a generator fails."""
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


def told(store):
    """What became of its candidates; numbers differ, since an attempt that was interrupted has one of its own."""
    return [
        (record.state, dict(record.parameters), record.steps)
        for record in store.records()
        if not record.retried
    ]


def test_it_tries_as_many_candidates_as_the_study_says_however_often_it_goes_on_with_one(search):
    records = search(InlineExecutor(trained), *SHRINK, "search.trials=16").records()
    assert sum(record.ended for record in records) == 16


def test_runs_that_look_unlikely_to_reach_the_front_are_set_aside(search):
    records = search(InlineExecutor(trained), *SHRINK, "search.trials=16").records()
    aside = [record for record in records if record.dominated_by]
    assert aside
    assert {record.state for record in aside} == {"pruned"}
    assert all("would, as a rule, end with" in record.reason for record in aside)


def test_what_was_set_aside_is_taken_up_where_it_was_while_it_has_a_chance(search, monkeypatch):
    monkeypatch.setattr(searcher, "HOPE", 0.0)  # as if every chance were good enough
    executor = InlineExecutor(trained)
    records = search(executor, *SHRINK, "search.trials=16").records()
    taken_up = [record for record in records if record.continues is not None]
    assert taken_up
    for record in taken_up:
        before = records[record.continues]
        assert before.retried
        assert before.parameters == record.parameters
        assert before.steps < record.steps
        assert executor.jobs[record.number].resume_from.name == f"{before.number:04d}"
    assert not [record for record in records if record.dominated_by and not record.retried]


def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(search, tmp_path):
    with pytest.raises(KilledError):
        search(InlineExecutor(trained, dies_after=9), *SHRINK, "search.trials=14")
    resumed = told(search(InlineExecutor(trained), *SHRINK, "search.trials=14"))
    (tmp_path / "run").rename(tmp_path / "before")
    assert resumed == told(search(InlineExecutor(trained), *SHRINK, "search.trials=14"))


def test_a_study_of_two_sizes_cannot_shrink(make_space):
    sizes = "objectives=[{metric: generator_params, direction: minimize}, {metric: generator_bytes, direction: minimize}]"
    with pytest.raises(StudyError, match="needs two objectives, a size and a quality"):
        make_space("search.sampler=shrink", sizes)


@pytest.mark.parametrize(
    "domain",
    [
        IntRange(2, 32, log=True),
        IntRange(0, 64, step=8),
        FloatRange(1e-4, 1e-2, log=True),
        Choices("a", "b"),
    ],
)
def test_a_value_near_another_one_is_legal_too(domain):
    source = random.Random(0)
    value = domain.extremes()[0]
    for _ in range(200):
        value = near(domain, value, source)
        assert domain.contains(value)
