"""Components that misbehave in a worker: what they do stays with their trial."""

import errno
import os
import pickle
import re
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.stubs import OUTCOME

from gansearch.builtin.losses.bce import BCE
from gansearch.execution.isolation import LARGEST_OUTPUT, OUTPUT, blamed
from gansearch.execution.local import LocalExecutor, LocalResources
from gansearch.messages import Crash, Ended, Job


class Unreadable:
    """Object that fails where it is unpickled."""

    def __reduce__(self):
        return (_fail, ())


def _fail():
    raise RuntimeError("made to fail")


def misbehave(job, channel):
    """Do what the job's candidate names."""
    match job.candidate:
        case "prints without end":
            for _ in range(300):
                print("x" * 9_999)
            os.write(2, b"and to stderr\n")
        case "leaves a process":
            if os.fork() == 0:
                time.sleep(600)
            Path(job.folder, "pid").write_text(str(psutil.Process().children()[0].pid))
        case "reports an object":
            return type(OUTCOME)(OUTCOME.verdict, 1, 0.0, stamp={"extractor": object()})
        case "sends an object":
            channel._connection.send_bytes(pickle.dumps(Unreadable()))
            time.sleep(60)
        case "finds the disk full":
            raise ValueError("cannot save") from OSError(errno.ENOSPC, "No space left on device")
    return OUTCOME


def end_of(kind, folder):
    executor = LocalExecutor(misbehave, LocalResources(1, 1, 0))
    executor.submit(Job(0, kind, folder))
    while True:
        for event in executor.events(1.0):
            assert isinstance(event, Ended)
            return event.ending


def test_what_is_printed_is_kept_up_to_a_limit_and_not_shown(tmp_path, capfd):
    assert end_of("prints without end", tmp_path) == OUTCOME
    assert 0 < (tmp_path / OUTPUT).stat().st_size <= LARGEST_OUTPUT
    assert "xxx" not in "".join(capfd.readouterr())


def test_processes_that_a_component_leaves_are_ended(tmp_path):
    assert end_of("leaves a process", tmp_path) == OUTCOME
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 30
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("reports an object", "PluginError: .* is not plain data"),
        ("sends an object", "sent something unreadable: RuntimeError: made to fail"),
    ],
)
def test_what_cannot_be_stored_fails_its_trial_alone(tmp_path, kind, message):
    ending = end_of(kind, tmp_path)
    assert isinstance(ending, Crash)
    assert (ending.kind, bool(re.search(message, ending.message))) == ("raised", True)


def test_a_full_disk_is_blamed_on_the_machine(tmp_path):
    assert end_of("finds the disk full", tmp_path).kind == "machine"


def test_the_component_of_a_plugin_in_whose_code_an_error_was_raised_is_named(tmp_path):
    (tmp_path / "clumsy.py").write_text(
        "from gansearch.builtin.losses.bce import BCE\n"
        "class Clumsy(BCE):\n"
        "    'A loss that fails.'\n"
        "    def fail(self):\n"
        "        return [].pop()\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        from clumsy import Clumsy
    finally:
        sys.path.remove(str(tmp_path))
    with pytest.raises(IndexError) as raised:
        Clumsy().fail()
    assert blamed(raised.value, [BCE(), Clumsy()]) == " (in the loss clumsy:Clumsy)"
    assert blamed(raised.value, [BCE()]) == ""
