"""The simulated executor, with trainings of a few rungs."""

import doctest
from pathlib import Path

import pytest

from gansearch.execution import simulated
from gansearch.execution.simulated import SimulatedExecutor, SimulatedTraining
from gansearch.messages import AtRung, Crash, Decision, Ended, Job, Outcome
from gansearch.signals import HEALTHY, Verdict
from gansearch.trial_record import Rung

RUNGS = (Rung(10, {"mmd": 3.0}), Rung(20, {"mmd": 2.0}))
WHOLE = Outcome(HEALTHY, steps=40, seconds=80.0, rungs=RUNGS, metrics={"mmd": 1.0})


def job(trial, resume_from=None):
    return Job(trial, candidate=None, folder=Path(str(trial)), resume_from=resume_from)


def play(executor, *decisions):
    """Return all events with their times, giving these decisions in order and then CONTINUE."""
    decisions, seen = list(decisions), []
    while events := executor.events(0.0):
        for event in events:
            step = event.rungs[-1].step if isinstance(event, AtRung) else event.ending
            seen.append((executor.clock.now(), step))
            if isinstance(event, AtRung):
                executor.answer(event.trial, decisions.pop(0) if decisions else Decision.CONTINUE)
    return seen


def test_a_training_reaches_its_rungs_and_its_end_at_a_constant_pace():
    executor = SimulatedExecutor(lambda job: WHOLE)
    executor.submit(job(0))
    assert play(executor) == [(20.0, 10), (40.0, 20), (80.0, WHOLE)]
    assert executor.busy_seconds == 80.0


def test_trainings_in_several_slots_overlap():
    lengths = {0: 30.0, 1: 10.0}
    executor = SimulatedExecutor(lambda job: Outcome(HEALTHY, 1, lengths[job.trial]), slots=2)
    executor.submit(job(0))
    executor.submit(job(1))
    assert [(time, ending.seconds) for time, ending in play(executor)] == [
        (10.0, 10.0),
        (30.0, 30.0),
    ]


@pytest.mark.parametrize("decision", [Decision.PAUSE, Decision.STOP])
def test_a_training_that_is_paused_or_stopped_ends_at_its_rung_without_metrics(decision):
    executor = SimulatedExecutor(lambda job: WHOLE)
    executor.submit(job(0))
    expected = Outcome(HEALTHY, 20, 40.0, rungs=RUNGS, decision=decision)
    assert play(executor, Decision.CONTINUE, decision)[-1] == (40.0, expected)


def test_a_paused_training_asks_again_at_its_rung_and_takes_the_time_that_was_left():
    executor = SimulatedExecutor(lambda job: WHOLE)
    executor.submit(job(0))
    play(executor, Decision.PAUSE)
    executor.submit(job(0, resume_from=Path("0")))
    assert play(executor) == [(20.0, 10), (40.0, 20), (80.0, WHOLE)]


def test_a_stopped_training_keeps_no_checkpoint():
    executor = SimulatedExecutor(lambda job: WHOLE)
    executor.submit(job(0))
    play(executor, Decision.STOP)
    executor.submit(job(0, resume_from=Path("0")))
    assert play(executor)[-1] == (100.0, WHOLE)


def test_a_crash_comes_at_its_time_and_the_training_is_resumed_after_its_last_rung():
    died = Crash("died", "its process was ended by SIGKILL")
    endings = iter([SimulatedTraining(died, RUNGS, steps=40, seconds=80.0), WHOLE])
    executor = SimulatedExecutor(lambda job: next(endings))
    executor.submit(job(0))
    assert play(executor)[-1] == (80.0, died)
    executor.submit(job(0, resume_from=Path("0")))
    assert play(executor) == [(120.0, WHOLE)]


def test_a_training_that_is_condemned_later_is_healthy_when_it_is_paused_before():
    condemned = Outcome(Verdict("mode-collapse", 30), steps=30, seconds=60.0, rungs=RUNGS)
    executor = SimulatedExecutor(lambda job: condemned)
    executor.submit(job(0))
    assert play(executor, Decision.PAUSE)[-1][1].verdict == HEALTHY


def test_a_search_that_stops_leaves_its_trainings_resumable():
    executor = SimulatedExecutor(lambda job: WHOLE)
    executor.submit(job(0))
    executor.events(0.0)
    executor.answer(0, Decision.CONTINUE)
    executor.stop(grace=8.0)
    assert executor.events(0.0) == []
    executor.submit(job(0, resume_from=Path("0")))
    assert [step for _, step in play(executor)] == [20, WHOLE]


def test_trainings_come_from_a_table_by_identity(make_space):
    candidate = make_space().baseline
    executor = SimulatedExecutor({candidate.identity: WHOLE})
    executor.submit(Job(0, candidate, Path("0")))
    assert play(executor)[-1][1] == WHOLE


def test_a_job_without_a_free_slot_is_refused():
    executor = SimulatedExecutor(lambda job: WHOLE)
    executor.submit(job(0))
    with pytest.raises(RuntimeError, match="trial 1: all 1 slots are taken"):
        executor.submit(job(1))


def test_the_answer_to_a_training_that_has_ended_is_ignored():
    executor = SimulatedExecutor(lambda job: Crash("raised", "no"))
    executor.submit(job(0))
    assert executor.events(0.0) == [Ended(0, Crash("raised", "no"))]
    executor.answer(0, Decision.CONTINUE)
    assert executor.events(0.0) == []


def test_the_example_of_the_documentation_runs():
    assert doctest.testmod(simulated) == (0, 3)
