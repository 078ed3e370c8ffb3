"""Each executor turns the same events into the same records: with real processes and a real Ray."""

import re
from pathlib import Path

import pytest
from support.stubs import OUTCOME, PARTS, play

from gansearch.execution.executor import open_executor
from gansearch.messages import AtRung, Decision, Ended, Job
from gansearch.study.spec import ExecutorSpec

CUBLAS = "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
EXITED = "died: its process exited with code 3 and reported no outcome"
RECORDED = {
    "healthy": ("complete", "healthy", ""),
    "fails to converge": ("pruned", "convergence-failure", ""),
    "collapses": ("pruned", "mode-collapse", ""),
    "diverges": ("pruned", "diverged", ""),
    "raises": ("failed", None, "raised: ValueError: no such thing"),
    "exits": ("failed", None, EXITED),
    "is killed": (
        "failed",
        None,
        "died: its process was ended by SIGKILL, as the system does when memory runs out",
    ),
    "exhausts memory": ("failed", None, "out-of-memory: RuntimeError"),
    "exhausts a GPU that it shares": ("complete", "healthy", ""),
    "exhausts a GPU": ("failed", None, "out-of-memory: OutOfMemoryError: CUDA out of memory"),
    "exhausts a GPU as its libraries say it": (
        "failed",
        None,
        f"out-of-memory: RuntimeError: {CUBLAS}",
    ),
    "hangs": ("failed", None, "died: no heartbeat for 3 s"),
    "is flaky": ("complete", "healthy", ""),
    "asks at two rungs": ("complete", "healthy", ""),
}
"""State, verdict and reason of each trial, by the way in which its training ends."""
RETRIED = {
    "exits",
    "is killed",
    "hangs",
    "is flaky",
    "exhausts a GPU that it shares",
    "exhausts a GPU",
    "exhausts a GPU as its libraries say it",
}
"""Ways to end that say nothing of the candidate, so that its trial is trained again once."""


ON_RAY = pytest.mark.parametrize("executor", ["ray"], indirect=True)


def opened(use, processes=1):
    spec = ExecutorSpec(use=use, workers=2, workers_per_candidate=processes, heartbeat_timeout=3.0)
    return open_executor(play, spec, "cpu")


EXECUTORS = {
    "local": ("local",),
    "ray": ("ray",),
    "local, of two": ("local", 2),
    "ray, of two": ("ray", 2),
}
"""Executors by name; "of two" trains each candidate with two processes."""
CAMPAIGN = {"local, of two", "ray, of two"}
LONG = pytest.mark.parametrize(
    "executor",
    [
        pytest.param(name, marks=() if name == "local" else pytest.mark.campaign)
        for name in EXECUTORS
    ],
    indirect=True,
)
"""Of a test that takes Ray half a minute."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.campaign if name in CAMPAIGN else ())
        for name in EXECUTORS
    ],
)
def executor(request):
    """An executor with two slots and a heartbeat timeout of 3 seconds."""
    with opened(*EXECUTORS[request.param]) as executor:
        yield executor


def ending(executor, job, decide=lambda rung: Decision.CONTINUE):
    """Run a job to its end."""
    executor.submit(job)
    while True:
        for event in executor.events(1.0):
            if isinstance(event, AtRung):
                executor.answer(job.trial, decide(event.rungs[-1]))
            elif isinstance(event, Ended):
                return event.ending


@LONG
def test_every_way_to_end_is_recorded_in_the_same_way(executor, search, make_spec):
    given = [f"{{generator: {{width: {width}, latent: {latent}}}}}" for width, latent in PARTS][1:]
    store = search(executor, f"queue=[{', '.join(given)}]", f"search.trials={len(PARTS)}")
    part_of = {}
    for record in store.records():
        part = PARTS[record.parameters["generator.width"], record.parameters["generator.latent"]]
        part_of[record.number] = part
        verdict = record.verdict and record.verdict.status
        # Of two processes, the first that is found to have failed.
        reason = re.sub("rank [01]: ", "", record.reason.partition(": [")[0])
        assert (record.state, verdict, reason) == RECORDED[part]
    assert len(part_of) == len(PARTS)
    assert {part_of[number] for number, _ in search.audience.retries} == RETRIED


@pytest.mark.parametrize("decision", [Decision.PAUSE, Decision.STOP])
def test_a_trial_that_is_paused_or_stopped_at_a_rung_ends_there(executor, decision):
    decide = {1: Decision.CONTINUE, 2: decision}
    job = Job(0, "asks at two rungs", Path())
    outcome = ending(executor, job, lambda rung: decide[rung.step])
    assert (outcome.steps, outcome.decision) == (2, decision)


def test_a_trial_may_be_submitted_again_once_it_has_ended(executor):
    endings = [ending(executor, Job(7, part, Path())) for part in ("raises", "healthy")]
    assert endings[1] == OUTCOME


@ON_RAY
def test_a_candidate_has_as_many_threads_as_cpus(executor):
    assert ending(executor, Job(0, "tells its threads", Path())).steps == 1


@ON_RAY
def test_a_candidate_that_asks_for_no_gpu_sees_none(executor):
    assert ending(executor, Job(0, "tells its GPUs", Path())).stamp == {"gpus": ""}


@pytest.mark.campaign
@ON_RAY
def test_a_slot_that_dies_costs_its_trial_alone_and_another_takes_its_place(executor):
    lost, *others = (
        ending(executor, Job(0, part, Path()))
        for part in ("kills its starter", "healthy", "healthy")
    )
    assert (lost.kind, lost.message.partition(":")[0]) == ("died", "its slot on Ray was lost")
    assert others == [OUTCOME, OUTCOME]


@LONG
def test_a_stop_gives_trials_the_time_to_keep_a_checkpoint_and_ends_those_that_do_not_listen(
    executor, tmp_path
):
    for number, part in enumerate(["keeps a checkpoint when stopped", "hangs"]):
        (tmp_path / str(number)).mkdir()
        executor.submit(Job(number, part, tmp_path / str(number)))
    while not executor.events(1.0):
        pass
    executor.stop(grace=2.0)
    assert [(tmp_path / str(number) / "kept").exists() for number in range(2)] == [True, False]
