"""Candidates on one device, with real processes and locks; its memory is pretended."""

import os
import signal
import tempfile
import time

import pytest
import torch
from support.pretend import COUNTED, PretendMemory, need_a_gpu_each, stay
from support.stubs import OUTCOME, RecordingChannel

from gansearch.execution.gpu import admission
from gansearch.execution.gpu.admission import NoRoomError, admitted
from gansearch.execution.gpu.estimate import Footprint
from gansearch.execution.gpu.memory import CONTEXT
from gansearch.execution.worker import is_ending, start_server, task_of
from gansearch.execution.worker_group import WorkerGroup, WorkerLimits, listen
from gansearch.messages import Job

SOON = 60.0
"""Seconds within which something happens that does."""


@pytest.fixture
def comes(tmp_path):
    """Has a candidate come to the device; gives what it is known by."""
    teams = []

    def comes(how="packed"):
        start_server(1)
        visitor = Visitor(tmp_path / str(len(teams)), how)
        teams.append(visitor.team)
        return visitor

    yield comes
    for team in teams:
        team.end(0.0)


class Visitor:
    def __init__(self, folder, how):
        self.folder = folder
        folder.mkdir()
        self.team = WorkerGroup(task_of(stay, Job(0, how, folder)), WorkerLimits(1), how)

    def is_in(self):
        return (self.folder / "in").exists()

    def waits(self):
        """Whether it is not in, though it has said more than once that it waits."""
        for _ in range(3):
            assert self.team.connections[0].poll(SOON)
            self.team.receive(0.0)
        return not self.is_in()

    def gets_in(self):
        until(self.is_in)
        return True

    def leaves(self):
        (self.folder / "leave").touch()
        until(lambda: any(map(is_ending, self.team.receive(0.0))))


def until(happens):
    deadline = time.monotonic() + SOON
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_candidates_come_in_while_there_is_memory_for_them_and_the_next_waits_for_one_to_leave(
    comes,
):
    first, second = comes(), comes()
    assert first.gets_in()
    assert second.gets_in()
    third = comes()
    assert third.waits()
    first.leaves()
    assert third.gets_in()


@pytest.mark.parametrize("how", ["alone", "uncounted"])
def test_one_that_is_to_be_alone_waits_for_all_others_and_they_for_it(comes, how):
    first = comes()
    assert first.gets_in()
    lonely = comes(how)
    assert lonely.waits()
    first.leaves()
    assert lonely.gets_in()
    assert comes().waits()


def test_those_who_come_later_do_not_overtake_one_that_is_to_be_alone(comes):
    first = comes()
    assert first.gets_in()
    lonely = comes("alone")
    assert lonely.waits()
    later = comes()  # for which there is memory
    assert later.waits()
    first.leaves()
    assert lonely.gets_in()
    lonely.leaves()
    assert later.gets_in()


@pytest.mark.parametrize("how", ["packed", "alone"])
def test_what_a_killed_one_had_is_free(comes, how):
    killed = comes(how)
    assert killed.gets_in()
    lonely = comes("alone")
    assert lonely.waits()
    os.kill(killed.team._workers[0]._process.pid, signal.SIGKILL)
    assert lonely.gets_in()


def test_one_that_is_killed_in_the_door_holds_nobody_up(comes):
    first = comes("alone")
    assert first.gets_in()
    killed = comes("alone")
    assert killed.waits()
    next_one = comes()
    assert next_one.waits()
    os.kill(killed.team._workers[0]._process.pid, signal.SIGKILL)
    first.leaves()
    assert next_one.gets_in()


@pytest.mark.parametrize("in_door", [True, False])
def test_one_that_waits_hears_that_it_should_stop(comes, in_door):
    first = comes("alone")
    assert first.gets_in()
    if not in_door:
        assert comes().waits()
    waiting = comes()
    assert waiting.waits()
    waiting.team.say(None)
    until(lambda: any(map(is_ending, waiting.team.receive(0.0))))  # that it has died, with no word
    assert not waiting.is_in()


def test_two_teams_do_not_wait_for_each_others_gpus(tmp_path):
    start_server(1)
    jobs = [Job(number, gpus, tmp_path) for number, gpus in enumerate([("a", "b"), ("b", "a")])]
    teams = {
        job.trial: WorkerGroup(task_of(need_a_gpu_each, job), WorkerLimits(1, workers=2), "team")
        for job in jobs
    }
    endings, deadline = {}, time.monotonic() + 2 * SOON
    while len(endings) < 2 and time.monotonic() < deadline:
        for number, messages in listen(
            {n: t for n, t in teams.items() if n not in endings}, 1.0
        ).items():
            endings.update((number, message) for message in messages if is_ending(message))
    for team in teams.values():
        team.end(0.0)
    assert endings == {0: OUTCOME, 1: OUTCOME}
    assert (tmp_path / "order").read_text() in ("0a 0b 1a 1b ", "1a 1b 0a 0b ")


# --------------------------------------------------------------------------------------------------
# In this process


@pytest.fixture
def memory(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return PretendMemory(tmp_path)


def enter(memory, counted=COUNTED, **options):
    return admitted(memory, counted, RecordingChannel().waiting, **options)


@pytest.mark.parametrize("alone", [False, True])
def test_only_one_that_is_alone_may_take_more_than_was_counted(memory, alone):
    with enter(memory, alone=alone):
        assert memory.capped is not alone


def test_one_that_no_other_fits_beside_is_alone(memory):
    with enter(memory, Footprint(0, memory.total - CONTEXT)):
        assert memory.capped is False


def test_what_does_not_fit_into_the_whole_device_is_refused_at_once(memory):
    whole = Footprint(0, memory.total)
    with pytest.raises(
        NoRoomError, match=r"takes 1\.72 GB of GPU memory, and the GPU has 1\.72 GB, of which"
    ):
        enter(memory, whole).__enter__()


def test_what_strangers_keep_for_long_is_not_waited_for(memory, tmp_path, monkeypatch):
    monkeypatch.setattr(admission, "PATIENCE", 0.0)
    (tmp_path / "gpu-taken-by.1").write_text(str(memory.total - 10**8))
    with pytest.raises(
        NoRoomError, match=r"strangers have left 0\.10 GB of the GPU's 1\.72 GB for 0 s"
    ):
        enter(memory).__enter__()


def test_memory_that_another_took_in_the_last_moment_is_waited_for(memory, monkeypatch):
    answers = [False, True]
    monkeypatch.setattr(memory, "take", lambda claim, capped: answers.pop(0))
    with enter(memory):
        assert answers == []


@pytest.mark.parametrize(("alone", "error"), [(True, NoRoomError), (False, torch.OutOfMemoryError)])
def test_memory_that_runs_out_with_the_device_to_itself_runs_out_for_good(memory, alone, error):
    with pytest.raises(error, match="Tried to allocate"), enter(memory, alone=alone):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


def test_a_place_that_was_left_is_free(memory):
    for _ in range(2):
        with enter(memory, alone=True):
            pass
