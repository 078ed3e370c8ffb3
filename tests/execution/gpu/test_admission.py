"""Admission to one device, with real processes and locks and a simulated memory."""

import os
import signal
import tempfile
import time

import pytest
import torch
from support.pretend import ESTIMATE, PretendMemory, need_a_gpu_each, stay
from support.stubs import OUTCOME, RecordingChannel

from gansearch.execution.gpu import admission
from gansearch.execution.gpu.admission import InsufficientMemoryError, admit
from gansearch.execution.gpu.estimate import MemoryEstimate
from gansearch.execution.gpu.memory import CUDA_CONTEXT
from gansearch.execution.worker import is_ending, pickle_task, start_forkserver
from gansearch.execution.worker_group import WorkerGroup, WorkerLimits, receive_all
from gansearch.messages import Job

SOON = 60.0
"""Timeout of each wait, in seconds."""


@pytest.fixture
def start(tmp_path):
    """Start a candidate on the device."""
    groups = []

    def start(how="packed"):
        start_forkserver(1)
        process = CandidateProcess(tmp_path / str(len(groups)), how)
        groups.append(process.group)
        return process

    yield start
    for group in groups:
        group.end(0.0)


class CandidateProcess:
    def __init__(self, folder, how):
        self.folder = folder
        folder.mkdir()
        self.group = WorkerGroup(pickle_task(stay, Job(0, how, folder)), WorkerLimits(1), how)

    def is_admitted(self):
        return (self.folder / "in").exists()

    def waits(self):
        """Return True if it is not admitted after several heartbeats."""
        for _ in range(3):
            assert self.group.connections[0].poll(SOON)
            self.group.receive(0.0)
        return not self.is_admitted()

    def gets_admitted(self):
        until(self.is_admitted)
        return True

    def leaves(self):
        (self.folder / "leave").touch()
        until(lambda: any(map(is_ending, self.group.receive(0.0))))


def until(happens):
    deadline = time.monotonic() + SOON
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_candidates_are_admitted_while_there_is_memory_and_then_wait(
    start,
):
    first, second = start(), start()
    assert first.gets_admitted()
    assert second.gets_admitted()
    third = start()
    assert third.waits()
    first.leaves()
    assert third.gets_admitted()


@pytest.mark.parametrize("how", ["alone", "uncounted"])
def test_a_candidate_that_runs_alone_waits_for_others_and_they_for_it(start, how):
    first = start()
    assert first.gets_admitted()
    alone = start(how)
    assert alone.waits()
    first.leaves()
    assert alone.gets_admitted()
    assert start().waits()


def test_later_candidates_do_not_overtake_one_that_runs_alone(start):
    first = start()
    assert first.gets_admitted()
    alone = start("alone")
    assert alone.waits()
    later = start()  # for which there is memory
    assert later.waits()
    first.leaves()
    assert alone.gets_admitted()
    alone.leaves()
    assert later.gets_admitted()


@pytest.mark.parametrize("how", ["packed", "alone"])
def test_a_killed_candidate_frees_its_place(start, how):
    killed = start(how)
    assert killed.gets_admitted()
    alone = start("alone")
    assert alone.waits()
    os.kill(killed.group._workers[0]._process.pid, signal.SIGKILL)
    assert alone.gets_admitted()


def test_a_candidate_killed_in_the_queue_blocks_nobody(start):
    first = start("alone")
    assert first.gets_admitted()
    killed = start("alone")
    assert killed.waits()
    next_one = start()
    assert next_one.waits()
    os.kill(killed.group._workers[0]._process.pid, signal.SIGKILL)
    first.leaves()
    assert next_one.gets_admitted()


@pytest.mark.parametrize("in_queue", [True, False])
def test_a_waiting_candidate_can_be_stopped(start, in_queue):
    first = start("alone")
    assert first.gets_admitted()
    if not in_queue:
        assert start().waits()
    waiting = start()
    assert waiting.waits()
    waiting.group.send(None)
    until(lambda: any(map(is_ending, waiting.group.receive(0.0))))  # it has died without an outcome
    assert not waiting.is_admitted()


def test_two_worker_groups_do_not_deadlock_on_each_others_gpus(tmp_path):
    start_forkserver(1)
    jobs = [Job(number, gpus, tmp_path) for number, gpus in enumerate([("a", "b"), ("b", "a")])]
    groups = {
        job.trial: WorkerGroup(
            pickle_task(need_a_gpu_each, job), WorkerLimits(1, workers=2), "group"
        )
        for job in jobs
    }
    endings, deadline = {}, time.monotonic() + 2 * SOON
    while len(endings) < 2 and time.monotonic() < deadline:
        for number, messages in receive_all(
            {n: t for n, t in groups.items() if n not in endings}, 1.0
        ).items():
            endings.update((number, message) for message in messages if is_ending(message))
    for group in groups.values():
        group.end(0.0)
    assert endings == {0: OUTCOME, 1: OUTCOME}
    assert (tmp_path / "order").read_text() in ("0a 0b 1a 1b ", "1a 1b 0a 0b ")


# --------------------------------------------------------------------------------------------------
# In this process


@pytest.fixture
def memory(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return PretendMemory(tmp_path)


def enter(memory, estimate=ESTIMATE, **options):
    return admit(memory, estimate, RecordingChannel().waiting, **options)


@pytest.mark.parametrize("alone", [False, True])
def test_only_a_candidate_that_runs_alone_is_not_capped(memory, alone):
    with enter(memory, alone=alone):
        assert memory.capped is not alone


def test_a_candidate_that_needs_all_memory_runs_alone(memory):
    with enter(memory, MemoryEstimate(0, memory.total - CUDA_CONTEXT)):
        assert memory.capped is False


def test_a_candidate_larger_than_the_device_is_refused_at_once(memory):
    whole = MemoryEstimate(0, memory.total)
    with pytest.raises(
        InsufficientMemoryError,
        match=r"needs 1\.72 GB of GPU memory; the GPU has 1\.72 GB, of which",
    ):
        enter(memory, whole).__enter__()


def test_memory_of_other_processes_is_waited_for_only_so_long(memory, tmp_path, monkeypatch):
    monkeypatch.setattr(admission, "MEMORY_TIMEOUT", 0.0)
    (tmp_path / "gpu-used-by.1").write_text(str(memory.total - 10**8))
    with pytest.raises(
        InsufficientMemoryError, match=r"other than gansearch's have left 0\.10 GB of 1\.72 GB free"
    ):
        enter(memory).__enter__()


def test_a_failed_reservation_is_tried_again(memory, monkeypatch):
    answers = [False, True]
    monkeypatch.setattr(memory, "reserve", lambda size, capped: answers.pop(0))
    with enter(memory):
        assert answers == []


@pytest.mark.parametrize(
    ("alone", "error"), [(True, InsufficientMemoryError), (False, torch.OutOfMemoryError)]
)
def test_running_out_of_memory_alone_is_final(memory, alone, error):
    with pytest.raises(error, match="Tried to allocate"), enter(memory, alone=alone):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


def test_a_place_is_free_after_its_candidate(memory):
    for _ in range(2):
        with enter(memory, alone=True):
            pass
