"""Transfer of files over a file system, and over an object store that speaks S3's protocol."""

import os
import signal
import subprocess
import sys
import uuid
from dataclasses import replace

import pytest
from support.stubs import OUTCOME

from gansearch.errors import FileTransferError
from gansearch.execution.ray.file_transfer import (
    CHECKPOINT,
    MARKER,
    PREFIX,
    NodeEvaluate,
    ObjectStoreTransfer,
    download_outputs,
    node_folder,
    upload_inputs,
)
from gansearch.messages import Crash, Decision, Job
from gansearch.training import checkpoint

PREFIX_OF_DRIVER = f"/gansearch-{uuid.UUID(int=7)}"
DIED = Crash("died", "its slot on Ray was lost")
PAUSED = replace(OUTCOME, decision=Decision.PAUSE)


@pytest.fixture(params=["file", "s3"])
def transfer(request, tmp_path):
    """A transfer over each kind of storage."""
    if request.param == "file":
        return ObjectStoreTransfer(f"file://{tmp_path}/store", PREFIX_OF_DRIVER)
    return ObjectStoreTransfer(request.getfixturevalue("object_store").url(), PREFIX_OF_DRIVER)


@pytest.fixture
def files(tmp_path):
    """Write files; return their paths by name."""

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
    """Return an `Evaluate` that writes files, and returns those that it resumes from."""

    def evaluate(job, channel):
        for name, content in contents.items():
            (job.folder / name.replace("_", ".")).write_text(content)
        return {"resume_from": read(job.resume_from)} if job.resume_from else {}

    return evaluate


def train(of_job, job, **contents):
    """Train a job on a node; return what its `Evaluate` returned."""
    upload_inputs(of_job, job)
    with node_folder(of_job) as upload:
        found = NodeEvaluate(write_on_node(job, **contents), of_job)(job, None)
        upload(True)
    return found


def test_files_are_downloaded_as_they_were_uploaded_until_they_are_removed(
    transfer, files, tmp_path
):
    assert not transfer.download(tmp_path / "out")
    transfer.upload(files(a="1", b="2"))
    assert transfer.download(tmp_path / "out")
    assert read(tmp_path / "out") == {"a/a.txt": "1", "b/b.txt": "2"}
    transfer.remove()
    assert not transfer.download(tmp_path / "out")


def test_an_upload_replaces_the_one_before(transfer, files, tmp_path):
    transfer.upload(files(a="1"))
    transfer.upload(files(b="2"))
    transfer.download(tmp_path / "out")
    assert read(tmp_path / "out") == {"b/b.txt": "2"}


def test_an_upload_that_was_cut_off_is_ignored_and_the_one_before_counts(files, tmp_path):
    transfer = ObjectStoreTransfer(f"file://{tmp_path}/store")
    transfer.upload(files(a="1"))
    (whole,) = (tmp_path / "store").iterdir()
    whole.with_name(whole.name.replace("000001", "000002")).write_bytes(whole.read_bytes()[:-1])
    assert transfer.download(tmp_path / "out")
    assert read(tmp_path / "out") == {"a/a.txt": "1"}
    whole.unlink()
    assert not transfer.download(tmp_path / "other")


def test_a_name_cannot_lead_out_of_the_folder(files, tmp_path):
    transfer = ObjectStoreTransfer(f"file://{tmp_path}/store")
    transfer.upload({"../escaped": files(a="1")["a/a.txt"]})
    transfer.download(tmp_path / "out")
    assert read(tmp_path / "out") == {"escaped": "1"}
    assert not (tmp_path / "escaped").exists()


def test_files_that_a_trial_writes_on_its_node_end_in_the_run_folder_and_nowhere_else(
    transfer, job, tmp_path
):
    of_job = transfer.at("7")
    train(of_job, job, signals_parquet="curves", checkpoint_pt="state")
    assert read(job.folder) == {MARKER: of_job.prefix}
    assert download_outputs(of_job, job, PAUSED) is PAUSED
    assert read(job.folder) == {"signals.parquet": "curves", "checkpoint.pt": "state"}
    assert not transfer.at("7").download(tmp_path)


def test_the_checkpoint_to_resume_from_is_on_the_node(transfer, job, tmp_path):
    interrupted = tmp_path / "interrupted"
    (interrupted / "samples").mkdir(parents=True)
    (interrupted / "samples" / "1.png").write_text("picture")
    (interrupted / "checkpoint.pt").write_text("state")
    found = train(transfer.at("7"), replace(job, resume_from=interrupted))
    assert found == {"resume_from": {"checkpoint.pt": "state"}}


@pytest.mark.parametrize(
    ("ending", "kept"),
    [(OUTCOME, False), (PAUSED, True), (DIED, True)],
    ids=["complete", "paused", "died"],
)
def test_a_checkpoint_is_kept_for_a_trial_that_can_be_resumed(transfer, job, ending, kept):
    (job.folder / CHECKPOINT).write_text("step 10")
    of_job = transfer.of_job(0)
    train(of_job, replace(job, resume_from=job.folder), generator_pt="weights")
    assert download_outputs(of_job, job, ending) == ending
    assert (job.folder / CHECKPOINT).exists() == kept


def test_the_checkpoint_that_triggers_an_upload_is_the_one_that_training_writes():
    assert checkpoint.NAME == CHECKPOINT


def test_files_uploaded_before_a_crash_are_in_the_run_folder(transfer, job):
    of_job = transfer.at("7")
    upload_inputs(of_job, job)
    with node_folder(of_job) as upload:
        NodeEvaluate(write_on_node(job, checkpoint_pt="state"), of_job)(job, None)
        upload(False)
        NodeEvaluate(write_on_node(job, late_png="picture"), of_job)(job, None)
        upload(False)  # nothing new that a retry could take up
    assert download_outputs(of_job, job, DIED) is DIED
    assert read(job.folder) == {"checkpoint.pt": "state"}


def test_a_trial_whose_files_are_missing_has_died_whatever_its_outcome(transfer, job):
    of_job = transfer.at("7")
    upload_inputs(of_job, job)
    assert download_outputs(of_job, job, DIED) is DIED
    assert download_outputs(of_job, job, OUTCOME) == Crash(
        "died", f"{transfer.url}: its files are not there"
    )


def test_a_trial_resumed_from_its_own_folder_gets_the_files_that_a_killed_driver_left(
    transfer, job
):
    train(transfer.of_job(7), job, checkpoint_pt="state")
    found = train(transfer.of_job(8), replace(job, resume_from=job.folder))
    assert found == {"resume_from": {"checkpoint.pt": "state"}}
    assert read(job.folder) == {MARKER: f"{PREFIX_OF_DRIVER}-8", "checkpoint.pt": "state"}


def test_files_that_a_killed_driver_did_not_download_reach_the_resumed_trial(
    transfer, job, tmp_path
):
    train(transfer.of_job(7), job, checkpoint_pt="state")
    (tmp_path / "run" / "8").mkdir()
    found = train(
        transfer.of_job(8), replace(job, folder=tmp_path / "run" / "8", resume_from=job.folder)
    )
    assert found == {"resume_from": {"checkpoint.pt": "state"}}
    assert read(job.folder) == {"checkpoint.pt": "state"}
    assert not transfer.of_job(7).download(tmp_path)


KILLED = """
import os, signal, sys
from gansearch.execution.ray.file_transfer import ObjectStoreTransfer, node_folder
with node_folder(ObjectStoreTransfer(sys.argv[1], "/killed")):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_folder_of_a_killed_slot_is_removed_by_the_next_job_on_its_node(tmp_path, monkeypatch):
    (tmp_path / "node").mkdir()
    url, environment = f"file://{tmp_path}/store", os.environ | {"TMPDIR": str(tmp_path / "node")}
    killed = subprocess.run([sys.executable, "-c", KILLED, url], env=environment)
    left = [path.name for path in (tmp_path / "node").iterdir()]
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "node"))
    with node_folder(ObjectStoreTransfer(url, "/next")):
        beside = [path.name for path in (tmp_path / "node").iterdir()]
    assert (killed.returncode, left, beside) == (
        -signal.SIGKILL,
        [f"{PREFIX}killed"],
        [f"{PREFIX}next"],
    )
    assert list((tmp_path / "node").iterdir()) == []


def test_the_check_of_a_store_leaves_nothing_behind(object_store):
    ObjectStoreTransfer(object_store.url()).check()
    assert object_store.files() == set()


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("file:///proc/store", "Cannot create directory '/proc/store'"),
        (
            "s3://bucket/x?scheme=http&region=us-east-1&endpoint_override=127.0.0.1:9",
            "NETWORK_CONNECTION",
        ),
        ("s3://bucket/x?retries=1", "Unexpected query parameter in S3 URI: 'retries'"),
        ("ftp://host/x", "Unrecognized filesystem type"),
    ],
)
def test_a_store_that_fails_is_reported_with_its_url_and_the_cause(url, cause):
    with pytest.raises(FileTransferError) as told:
        ObjectStoreTransfer(url).check()
    assert str(told.value).startswith(f"{url}: ")
    assert cause in str(told.value) and "\n" not in str(told.value)


def test_a_bucket_that_is_missing_or_forbidden_is_reported_without_credentials(object_store):
    with pytest.raises(FileTransferError, match="Bucket 'other' not found"):
        ObjectStoreTransfer(object_store.url("other")).check()
    object_store.refuses = lambda method, path: method == "PUT"
    with pytest.raises(FileTransferError, match="ACCESS_DENIED") as told:
        ObjectStoreTransfer(object_store.url()).check()
    assert "open-sesame" not in str(told.value)


@pytest.mark.parametrize(
    "note", ["/../run/home", "/gansearch-1-0/../../run", "../home", "\xff", ""]
)
def test_a_marker_that_is_no_job_leads_nowhere(tmp_path, job, note):
    home = tmp_path / "run" / "home"
    home.mkdir()
    (home / "chapter.txt").write_text("mine")
    (job.folder / MARKER).write_text(note)
    transfer = ObjectStoreTransfer(f"file://{tmp_path}/store", "/gansearch-1-0")
    (tmp_path / "store").mkdir()
    upload_inputs(transfer, replace(job, resume_from=job.folder))
    assert (home / "chapter.txt").read_text() == "mine"
    assert (job.folder / MARKER).read_text() == transfer.prefix
