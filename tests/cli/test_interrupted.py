"""Searches of the installed command whose driver is stopped and killed: they lose nothing.

On each executor, with trials in the run folder and in a PostgreSQL database. Short forms are in
tests/search/test_driver.py and tests/cli/test_run.py.
"""

import contextlib
import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import psutil
import pytest
from support.postgres import PASSWORD

from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_reader import read_records

pytestmark = pytest.mark.campaign

COMMAND = Path(sys.executable).with_name("gansearch")
PATIENCE = 180
"""Seconds after which something hangs."""
STUDY = (
    "tiny.yaml",
    "--trials",
    "2",
    "--set",
    "search.sampler=random",
    "--set",
    "training.steps=300",
)


def start(folder, command, *arguments, executor):
    """Start the command as the leader of a process group, as a terminal does, on one thread."""
    wide = executor == "ray" or "--workers-per-candidate" in arguments
    cores = os.sched_getaffinity(0) if wide else {max(os.sched_getaffinity(0))}
    return subprocess.Popen(
        [COMMAND, command, *arguments, "--executor", executor, "--workers", "1"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )


def finish(process):
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def until(happened):
    for _ in range(PATIENCE * 50):
        if happened():
            return
        time.sleep(0.02)
    raise TimeoutError


def found(folder):
    """Return the trials that ended, in order, without figures that depend on the clock."""
    records = read_records(RunFolder.open(folder / "runs" / "tiny"))
    return [
        (
            r.identity,
            r.state,
            r.verdict,
            {k: v for k, v in r.metrics.items() if "latency" not in k},
            dict(r.signals),
        )
        for r in records
        if r.ended
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Run an uninterrupted search on the local executor once, and return its trials."""
    folder, told = tmp_path_factory.mktemp("whole"), []

    def search(text):
        if not told:
            (folder / "tiny.yaml").write_text(text)
            assert finish(start(folder, "run", *STUDY, executor="local"))[0] == 0
            told.extend(found(folder))
        return told

    return search


def at_work(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def password(monkeypatch):
    """Set the password for URLs without one, such as those in a run folder."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)


@pytest.fixture
def storage(request, password):
    """Arguments of the command that name the storage."""
    return ["--storage", request.getfixturevalue("database")] if request.param == "shared" else []


@pytest.mark.parametrize(
    ("executor", "storage"),
    [
        ("local", "own"),
        ("ray", "own"),
        ("local", "shared"),
    ],
    indirect=["storage"],
)
def test_a_search_that_is_stopped_and_killed_ends_as_if_it_had_not_been(
    executor, storage, whole, study_text, tmp_path
):
    (tmp_path / "tiny.yaml").write_text(study_text)
    trials = tmp_path / "runs" / "tiny" / "trials"

    stopped = start(tmp_path, "run", *STUDY, *storage, executor=executor)
    until((trials / "0000" / "checkpoint.pt").exists)
    os.killpg(stopped.pid, signal.SIGINT)  # as Ctrl-C does
    code, out, err = finish(stopped)
    assert (code, err) == (130, "")
    assert out.endswith("stopped; go on with: gansearch resume runs/tiny\n")
    assert (trials / "0000" / "checkpoint.pt").exists()

    killed = start(tmp_path, "resume", "tiny", executor=executor)
    until((trials / "0001" / "checkpoint.pt").exists)  # trial 0 was resumed, and has ended
    processes = psutil.Process(killed.pid).children(recursive=True)
    killed.kill()
    killed.communicate()
    until(lambda: not any(map(at_work, processes)))

    # On the local executor, whichever it was before: a study may go on elsewhere.
    code, _, err = finish(start(tmp_path, "resume", "tiny", executor="local"))
    assert (code, err) == (0, "")
    assert found(tmp_path) == whole(study_text)


def test_a_search_whose_terminal_is_closed_stops_and_can_be_resumed(study_text, tmp_path):
    (tmp_path / "tiny.yaml").write_text(study_text)
    ours, theirs = pty.openpty()
    search = subprocess.Popen(
        [COMMAND, "run", *STUDY, "--workers", "1"],
        cwd=tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    checkpoint = tmp_path / "runs" / "tiny" / "trials" / "0000" / "checkpoint.pt"
    _read_until(checkpoint, ours)
    os.close(ours)  # the kernel sends SIGHUP
    assert search.wait(PATIENCE) == 128 + signal.SIGHUP
    assert checkpoint.exists()
    (trial,) = read_records(RunFolder.open(tmp_path / "runs" / "tiny"))
    assert trial.state == "running"


def _read_until(checkpoint, terminal):
    """Read what a search prints, which would wait for that, until it has a checkpoint."""
    os.set_blocking(terminal, False)

    def begun():
        with contextlib.suppress(BlockingIOError, OSError):
            os.read(terminal, 65536)
        return checkpoint.exists()

    until(begun)


def test_a_killed_search_resumes_from_the_files_in_the_object_store(
    object_store, whole, study_text, tmp_path
):
    (tmp_path / "tiny.yaml").write_text(study_text)
    trials = tmp_path / "runs" / "tiny" / "trials"
    over = ("--set", f"executor.storage_path={object_store.url()}")

    killed = start(tmp_path, "run", *STUDY, *over, executor="ray")
    until(lambda: any("/outputs/" in path for path in object_store.files()))
    processes = psutil.Process(killed.pid).children(recursive=True)
    killed.kill()
    killed.communicate()
    until(lambda: not any(map(at_work, processes)))
    assert not (trials / "0000" / "checkpoint.pt").exists()

    code, _, err = finish(start(tmp_path, "resume", "tiny", executor="ray"))
    assert (code, err) == (0, "")
    assert found(tmp_path) == whole(study_text)
    names = {str(path.relative_to(trials / "0000")) for path in (trials / "0000").rglob("*.*")}
    assert names == {
        "candidate.json", "data.json", "discriminator.safetensors",
        "discriminator.safetensors.sha256", "generator.safetensors", "generator.safetensors.sha256",
        "predictions.parquet", "samples/step-000300.png", "signals.parquet", "verdict.json",
    }  # fmt: skip
    assert object_store.files() == set()


def test_all_ranks_end_with_a_killed_driver_and_a_single_process_resumes(
    whole, study_text, tmp_path
):
    (tmp_path / "tiny.yaml").write_text(study_text)
    killed = start(tmp_path, "run", *STUDY, "--workers-per-candidate", "2", executor="local")
    until((tmp_path / "runs" / "tiny" / "trials" / "0001" / "checkpoint.pt").exists)
    processes = psutil.Process(killed.pid).children(recursive=True)
    killed.kill()
    killed.communicate()
    until(lambda: not any(map(at_work, processes)))

    code, _, err = finish(
        start(tmp_path, "resume", "tiny", "--workers-per-candidate", "1", executor="local")
    )
    assert (code, err) == (0, "")
    workers = [
        record.stamp.get("workers")
        for record in read_records(RunFolder.open(tmp_path / "runs" / "tiny"))
    ]
    assert workers == [2, 1]
    assert [trial[:3] for trial in found(tmp_path)] == [trial[:3] for trial in whole(study_text)]


def test_a_second_driver_on_a_shared_study_is_refused_and_the_first_goes_on(
    database, password, whole, study_text, tmp_path
):
    (tmp_path / "tiny.yaml").write_text(study_text)
    first = start(tmp_path, "run", *STUDY, "--storage", database, executor="local")
    until((tmp_path / "runs" / "tiny" / "trials" / "0000" / "checkpoint.pt").exists)
    first.send_signal(signal.SIGSTOP)  # so that it is at work for as long as this takes
    code, out, err = finish(
        start(tmp_path, "run", *STUDY, "--storage", database, "--out", "other", executor="local")
    )
    where = database.replace(f":{PASSWORD}", "")
    assert code == 1 and "starts" not in out
    assert err.startswith(f"{where}: gansearch {first.pid} on ") and err.endswith(
        "works on the study 'tiny'\n"
    )
    status = subprocess.run(
        [COMMAND, "status", "tiny", "--json"], cwd=tmp_path, capture_output=True, check=True
    )
    assert json.loads(status.stdout)["trials"]["running"] == 1  # readers come and go
    first.send_signal(signal.SIGCONT)
    assert finish(first)[0] == 0
    assert found(tmp_path) == whole(study_text)


def test_a_search_whose_database_stops_says_so_and_can_be_resumed(
    server, database, password, whole, study_text, tmp_path
):
    (tmp_path / "tiny.yaml").write_text(study_text)
    search = start(tmp_path, "run", *STUDY, "--storage", database, executor="local")
    until((tmp_path / "runs" / "tiny" / "trials" / "0001" / "checkpoint.pt").exists)
    server.stop()
    try:
        code, _, err = finish(search)
    finally:
        server.start()
    assert (code, PASSWORD in err, err.count("\n")) == (1, False, 1), err
    assert (
        err.startswith(database.replace(f":{PASSWORD}", "")) and "gansearch resume continues" in err
    )
    assert finish(start(tmp_path, "resume", "tiny", executor="local"))[0] == 0
    assert found(tmp_path) == whole(study_text)
