"""A worker with a real process; what it runs is a stub."""

import time
from itertools import count

import pytest
from stubs import evaluate

from gansearch.search.worker import Terms, Worker, listen, name_of_gpu, start_server, task_of
from gansearch.trial import AtRung, Crash, Job

PATIENCE = 60
"""Seconds after which something hangs."""


@pytest.fixture
def start(tmp_path):
    """Starts a worker that is taken to hang when it is silent for 10 seconds."""
    workers = []

    def start(kind):
        start_server(1)
        workers.append(Worker(task_of(evaluate, Job(0, kind, tmp_path)), Terms(1, silence_limit=10.0), kind))
        return workers[-1]

    yield start
    for worker in workers:
        worker.end(0.0)


def test_a_worker_that_is_silent_for_too_long_is_ended(start):
    worker = start("hangs")
    assert worker.receive(listened=6.0) == []
    assert worker.receive(listened=6.0) == [Crash("died", "no word for 10 s")]


def test_work_without_progress_is_no_silence(start):
    worker = start("measures for long")
    assert worker.receive(listened=6.0) == []
    assert worker.connection.poll(PATIENCE)
    assert worker.receive(listened=6.0) == []
    assert worker.receive(listened=6.0) == []


def test_a_trial_that_waits_for_an_answer_is_not_silent(start):
    worker = start("asks at two rungs")
    assert worker.connection.poll(PATIENCE)
    assert isinstance(worker.receive(listened=6.0)[0], AtRung)
    assert worker.receive(listened=60.0) == []


def test_only_the_time_in_which_somebody_listened_counts(start, monkeypatch):
    worker, hours = start("hangs"), count(0.0, 3600.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(hours))
    assert listen({0: worker}, timeout=0.01) == {0: []}


def test_a_worker_gets_a_gpu_among_those_that_the_user_may_see(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert name_of_gpu(1) == "1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert name_of_gpu(1) == "5"
