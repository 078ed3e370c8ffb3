"""What is brought over a depot: on a file system, and to an object store that speaks S3's protocol."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from support.stubs import OUTCOME

from gansearch.errors import FileTransferError
from gansearch.execution.ray.file_transfer import (
    CHECKPOINT,
    NOTE,
    PREFIX,
    Elsewhere,
    ObjectStoreTransfer,
    at_node,
    dispatch,
    received,
)
from gansearch.messages import Crash, Job
from gansearch.training import checkpoint

DIED = Crash("died", "its slot on Ray was lost")


@pytest.fixture(params=["file", "s3"])
def depot(request, tmp_path):
    """A depot on each kind of storage."""
    if request.param == "file":
        return ObjectStoreTransfer(f"file://{tmp_path}/depot", "/study")
    return ObjectStoreTransfer(request.getfixturevalue("object_store").url(), "/study")


@pytest.fixture
def files(tmp_path):
    """Writes files; gives them by name."""

    def write(**contents):
        paths = {name: tmp_path / name for name in contents}
        for name, content in contents.items():
            paths[name].write_text(content)
        return {f"{name}/{name}.txt": path for name, path in paths.items()}

    return write


@pytest.fixture
def job(tmp_path):
    """A job with a run folder around it."""
    (tmp_path / "run" / "7").mkdir(parents=True)
    return Job(7, "any", tmp_path / "run" / "7")


def read(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def write_on_node(job, **contents):
    """What a trial does on its node."""

    def evaluate(job, line):
        for name, content in contents.items():
            (job.folder / name.replace("_", ".")).write_text(content)
        return {"resume_from": read(job.resume_from)} if job.resume_from else {}

    return evaluate


def train(shelf, job, **contents):
    """Have a job trained on a node; gives what it found there of what it needs."""
    dispatch(shelf, job)
    with at_node(shelf) as keep:
        found = Elsewhere(write_on_node(job, **contents), shelf)(job, None)
        keep(True)
    return found


def test_files_come_out_as_they_went_in_until_they_are_removed(depot, files, tmp_path):
    assert not depot.fetch(tmp_path / "out")
    depot.send(files(a="1", b="2"))
    assert depot.fetch(tmp_path / "out")
    assert read(tmp_path / "out") == {"a/a.txt": "1", "b/b.txt": "2"}
    depot.remove()
    assert not depot.fetch(tmp_path / "out")


def test_what_is_sent_takes_the_place_of_what_was_sent_before(depot, files, tmp_path):
    depot.send(files(a="1"))
    depot.send(files(b="2"))
    depot.fetch(tmp_path / "out")
    assert read(tmp_path / "out") == {"b/b.txt": "2"}


def test_of_an_upload_that_was_cut_off_nothing_counts_and_what_came_before_does(files, tmp_path):
    depot = ObjectStoreTransfer(f"file://{tmp_path}/depot")
    depot.send(files(a="1"))
    (whole,) = (tmp_path / "depot").iterdir()
    whole.with_name(whole.name.replace("000001", "000002")).write_bytes(whole.read_bytes()[:-1])
    assert depot.fetch(tmp_path / "out")
    assert read(tmp_path / "out") == {"a/a.txt": "1"}
    whole.unlink()
    assert not depot.fetch(tmp_path / "other")


def test_a_name_that_leads_out_of_the_folder_does_not(files, tmp_path):
    depot = ObjectStoreTransfer(f"file://{tmp_path}/depot")
    depot.send({"../escaped": files(a="1")["a/a.txt"]})
    depot.fetch(tmp_path / "out")
    assert read(tmp_path / "out") == {"escaped": "1"}
    assert not (tmp_path / "escaped").exists()


def test_a_trial_leaves_in_the_run_folder_what_it_wrote_on_its_node_and_nothing_elsewhere(
    depot, job, tmp_path
):
    shelf = depot.at("7")
    train(shelf, job, signals_parquet="curves", checkpoint_pt="state")
    assert read(job.folder) == {NOTE: shelf.below}
    assert received(shelf, job, OUTCOME) is OUTCOME
    assert read(job.folder) == {"signals.parquet": "curves", "checkpoint.pt": "state"}
    assert not depot.at("7").fetch(tmp_path)


def test_what_a_job_needs_of_the_run_folder_is_there_on_its_node(depot, job, tmp_path):
    interrupted = tmp_path / "interrupted"
    (interrupted / "samples").mkdir(parents=True)
    (interrupted / "samples" / "1.png").write_text("picture")
    (interrupted / "checkpoint.pt").write_text("state")
    found = train(depot.at("7"), replace(job, resume_from=interrupted))
    assert found == {"resume_from": {"checkpoint.pt": "state"}}


def test_the_checkpoint_that_is_looked_for_is_the_one_that_is_written():
    assert checkpoint.NAME == CHECKPOINT


def test_what_was_brought_by_the_time_of_a_death_is_in_the_run_folder(depot, job):
    shelf = depot.at("7")
    dispatch(shelf, job)
    with at_node(shelf) as keep:
        Elsewhere(write_on_node(job, checkpoint_pt="state"), shelf)(job, None)
        keep(False)
        Elsewhere(write_on_node(job, late_png="picture"), shelf)(job, None)
        keep(False)  # nothing new that a retry could take up
    assert received(shelf, job, DIED) is DIED
    assert read(job.folder) == {"checkpoint.pt": "state"}


def test_a_trial_whose_node_brought_nothing_has_died_whatever_it_said(depot, job):
    shelf = depot.at("7")
    dispatch(shelf, job)
    assert received(shelf, job, DIED) is DIED
    assert received(shelf, job, OUTCOME) == Crash("died", f"{depot.url}: its files are not there")


def test_what_a_killed_driver_did_not_fetch_comes_to_the_retry_of_its_trial(depot, job, tmp_path):
    train(depot.at("7"), job, checkpoint_pt="state")
    (tmp_path / "run" / "8").mkdir()
    found = train(
        depot.at("8"), replace(job, folder=tmp_path / "run" / "8", resume_from=job.folder)
    )
    assert found == {"resume_from": {"checkpoint.pt": "state"}}
    assert read(job.folder) == {"checkpoint.pt": "state"}
    assert not depot.at("7").fetch(tmp_path)


KILLED = """
import os, signal, sys
from gansearch.execution.ray.file_transfer import Depot, at_node
with at_node(Depot(sys.argv[1], "/killed")):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_folder_of_a_slot_that_was_killed_goes_with_the_next_job_on_its_node(
    tmp_path, monkeypatch
):
    (tmp_path / "node").mkdir()
    url, environment = f"file://{tmp_path}/depot", os.environ | {"TMPDIR": str(tmp_path / "node")}
    killed = subprocess.run([sys.executable, "-c", KILLED, url], env=environment)
    left = [path.name for path in (tmp_path / "node").iterdir()]
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "node"))
    with at_node(ObjectStoreTransfer(url, "/next")):
        beside = [path.name for path in (tmp_path / "node").iterdir()]
    assert (killed.returncode, left, beside) == (
        -signal.SIGKILL,
        [f"{PREFIX}killed"],
        [f"{PREFIX}next"],
    )
    assert list((tmp_path / "node").iterdir()) == []


def test_a_storage_that_works_is_left_as_it_was(object_store):
    ObjectStoreTransfer(object_store.url()).check()
    assert object_store.files() == set()


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("file:///proc/depot", "Cannot create directory '/proc/depot'"),
        (
            "s3://bucket/x?scheme=http&region=us-east-1&endpoint_override=127.0.0.1:9",
            "NETWORK_CONNECTION",
        ),
        ("s3://bucket/x?retries=1", "Unexpected query parameter in S3 URI: 'retries'"),
        ("ftp://host/x", "Unrecognized filesystem type"),
    ],
)
def test_a_storage_that_cannot_be_had_is_told_by_its_url_with_the_cause(url, cause):
    with pytest.raises(FileTransferError) as told:
        ObjectStoreTransfer(url).check()
    assert str(told.value).startswith(f"{url}: ")
    assert cause in str(told.value) and "\n" not in str(told.value)


def test_a_bucket_that_is_not_there_or_not_ours_is_told_without_credentials(object_store):
    with pytest.raises(FileTransferError, match="Bucket 'other' not found"):
        ObjectStoreTransfer(object_store.url("other")).check()
    object_store.refuses = lambda method, path: method == "PUT"
    with pytest.raises(FileTransferError, match="ACCESS_DENIED") as told:
        ObjectStoreTransfer(object_store.url()).check()
    assert "open-sesame" not in str(told.value)
