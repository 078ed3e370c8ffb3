"""The local executor with real processes; only their training is not real."""

import os
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.stubs import OUTCOME, evaluate

from gansearch.errors import GansearchError
from gansearch.execution.local import LocalExecutor, LocalResources, threads_per_process
from gansearch.execution.ray import session as ray_session
from gansearch.messages import AtRung, Crash, Decision, Ended, Job
from gansearch.study.spec import ExecutorSpec, ResourcesSpec


def job(trial, kind, folder=Path()):
    return Job(trial, kind, folder)


def run(*kinds, workers=2):
    executor = LocalExecutor(evaluate, LocalResources(workers, 1, 0))
    endings, progress, waiting = {}, [], list(enumerate(kinds))
    running = 0
    while waiting or running:
        while waiting and running < workers:
            executor.submit(job(*waiting.pop(0)))
            running += 1
        for event in executor.events(1.0):
            if isinstance(event, Ended):
                endings[event.trial] = event.ending
                running -= 1
            elif isinstance(event, AtRung):
                pauses = event.rungs[-1].step == 2
                executor.answer(event.trial, Decision.PAUSE if pauses else Decision.CONTINUE)
            else:
                progress.append(event)
    return [endings[trial] for trial in range(len(kinds))], progress


def test_the_way_in_which_a_candidate_ends_does_not_affect_the_others():
    kinds = ["healthy", "raises", "exits", "is killed", "exhausts memory", "healthy"]
    endings, progress = run(*kinds)
    assert endings[0] == endings[-1] == OUTCOME
    assert [ending.kind for ending in endings[1:-1]] == ["raised", "died", "died", "out-of-memory"]
    assert endings[1].message == "ValueError: no such thing"
    assert "in evaluate" in endings[1].traceback
    assert "exited with code 3" in endings[2].message
    assert "SIGKILL, as the system does when memory runs out" in endings[3].message
    assert {event.trial for event in progress} == {0, 5}


def test_a_trial_at_a_rung_waits_for_its_answer():
    (outcome,), _ = run("asks at two rungs")
    assert (outcome.steps, outcome.decision) == (2, Decision.PAUSE)


def test_a_worker_gets_its_share_of_the_threads():
    assert run("tells its threads")[0][0].steps == 1


def test_a_stop_ends_workers_that_report_and_workers_that_do_not(tmp_path):
    executor = LocalExecutor(evaluate, LocalResources(2, 1, 0))
    executor.submit(job(0, "waits"))
    executor.submit(job(1, "forks a note", tmp_path / "pid"))
    while not (tmp_path / "pid").exists():
        executor.events(0.05)
    executor.stop(grace=0.5)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize(("workers", "gpus", "count"), [(3, 0, 3), ("auto", 2, 2)])
def test_candidates_are_as_many_as_asked_for_or_one_per_gpu(workers, gpus, count):
    resources = LocalResources.divide(workers, gpus)
    assert resources.candidates == count
    assert resources.threads >= 1


def test_the_threads_of_all_workers_add_up_to_the_cores():
    resources = LocalResources.divide("auto", 0)
    assert resources.candidates * resources.threads <= len(os.sched_getaffinity(0))


@given(cores=st.integers(1, 256), workers=st.integers(1, 64), processes=st.integers(1, 8))
def test_there_are_never_more_threads_than_cores_and_no_process_could_have_another(
    cores, workers, processes
):
    each = threads_per_process(cores, workers * processes)
    assert workers * processes * each <= max(cores, workers * processes)
    assert workers * processes * (each + 1) > cores


@given(
    cores=st.integers(1, 64),
    cpus=st.integers(1, 8),
    workers=st.integers(1, 16),
    processes=st.integers(1, 4),
)
def test_a_ray_of_our_own_has_no_more_threads_than_cores_either(cores, cpus, workers, processes):
    spec = ExecutorSpec(
        use="ray",
        workers=workers,
        workers_per_candidate=processes,
        resources=ResourcesSpec(cpus=cpus),
    )
    with patch.object(ray_session, "count_cores", lambda: cores):
        each = ray_session.threads_of_worker(spec, workers)
    assert each <= cpus
    assert workers * processes * each <= max(cores, workers * processes)


def test_processes_of_one_candidate_share_the_cores_and_have_a_gpu_each():
    assert LocalResources.divide("auto", 0, processes=2).threads * 2 <= max(
        2, len(os.sched_getaffinity(0))
    )
    resources = LocalResources(candidates=2, threads=1, gpus=4, processes=2)
    assert [list(resources.gpus_of(slot)) for slot in range(2)] == [[0, 1], [2, 3]]


def test_more_processes_than_gpus_are_refused():
    with pytest.raises(
        GansearchError, match="workers_per_candidate: 2 needs as many GPUs, and this machine has 1"
    ):
        LocalResources.divide("auto", 1, processes=2)


def test_an_ending_is_a_crash_or_an_outcome():
    assert isinstance(run("exits")[0][0], Crash)


def test_the_answer_to_a_trial_that_died_at_a_rung_is_ignored():
    executor = LocalExecutor(evaluate, LocalResources(1, 1, 0))
    executor.submit(job(0, "dies at a rung"))
    events = []
    while len(events) < 2:
        events += executor.events(1.0)
        if isinstance(events[-1], Ended):
            executor.answer(0, Decision.CONTINUE)
    assert [type(event) for event in events] == [AtRung, Ended]
