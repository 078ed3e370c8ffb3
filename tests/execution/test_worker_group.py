"""A team of real processes; what they run is a stub."""

import time
from itertools import count

import pytest
from support.stubs import evaluate

from gansearch.execution.worker import start_server, task_of
from gansearch.execution.worker_group import WorkerGroup, WorkerLimits, listen
from gansearch.messages import AtRung, Crash, Job

PATIENCE = 60
"""Seconds after which something hangs."""


@pytest.fixture
def start(tmp_path):
    """Starts a team of one that is taken to hang when it is silent for 10 seconds."""
    teams = []

    def start(kind):
        start_server(1)
        teams.append(
            WorkerGroup(
                task_of(evaluate, Job(0, kind, tmp_path)),
                WorkerLimits(1, heartbeat_timeout=10.0),
                kind,
            )
        )
        return teams[-1]

    yield start
    for team in teams:
        team.end(0.0)


def test_a_team_that_is_silent_for_too_long_is_ended(start):
    team = start("hangs")
    assert team.receive(listened=6.0) == []
    assert team.receive(listened=6.0) == [Crash("died", "no word for 10 s")]


def test_work_without_progress_is_no_silence(start):
    team = start("measures for long")
    assert team.receive(listened=6.0) == []
    assert team.connections[0].poll(PATIENCE)
    assert team.receive(listened=6.0) == []
    assert team.receive(listened=6.0) == []


def test_a_trial_that_waits_for_an_answer_is_not_silent(start):
    team = start("asks at two rungs")
    assert team.connections[0].poll(PATIENCE)
    assert isinstance(team.receive(listened=6.0)[0], AtRung)
    assert team.receive(listened=60.0) == []


def test_only_the_time_in_which_somebody_listened_counts(start, monkeypatch):
    team, hours = start("hangs"), count(0.0, 3600.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(hours))
    assert listen({0: team}, timeout=0.01) == {0: []}
