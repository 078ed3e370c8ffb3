"""A worker group of real processes; only their training is not real."""

import time
from itertools import count

import pytest
from support.stubs import evaluate

from gansearch.execution.worker import pickle_task, start_forkserver
from gansearch.execution.worker_group import WorkerGroup, WorkerLimits, receive_all
from gansearch.messages import AtRung, Crash, Job

PATIENCE = 60
"""Seconds after which something hangs."""


@pytest.fixture
def start(tmp_path):
    """Start a group of one worker with a heartbeat timeout of 10 seconds."""
    groups = []

    def start(kind):
        start_forkserver(1)
        groups.append(
            WorkerGroup(
                pickle_task(evaluate, Job(0, kind, tmp_path)),
                WorkerLimits(1, heartbeat_timeout=10.0),
                kind,
            )
        )
        return groups[-1]

    yield start
    for group in groups:
        group.end(0.0)


def test_a_group_that_is_silent_for_too_long_is_ended(start):
    group = start("hangs")
    assert group.receive(listened=6.0) == []
    assert group.receive(listened=6.0) == [Crash("died", "no heartbeat for 10 s")]


def test_a_heartbeat_without_progress_is_no_silence(start):
    group = start("measures for long")
    assert group.receive(listened=6.0) == []
    assert group.connections[0].poll(PATIENCE)
    assert group.receive(listened=6.0) == []
    assert group.receive(listened=6.0) == []


def test_a_trial_that_waits_for_an_answer_is_not_silent(start):
    group = start("asks at two rungs")
    assert group.connections[0].poll(PATIENCE)
    assert isinstance(group.receive(listened=6.0)[0], AtRung)
    assert group.receive(listened=60.0) == []


def test_only_the_time_in_which_somebody_listened_counts(start, monkeypatch):
    group, hours = start("hangs"), count(0.0, 3600.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(hours))
    assert receive_all({0: group}, timeout=0.01) == {0: []}
