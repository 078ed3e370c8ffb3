"""The executor `ray` with files transferred over an object store: with a real Ray."""

import pytest
from support.object_store import ObjectStore
from support.stubs import OUTCOME, play

from gansearch.execution.executor import open_executor
from gansearch.messages import Ended, Job
from gansearch.study.spec import ExecutorSpec

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def store():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "me")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "open-sesame")
        store = ObjectStore()
        yield store
        store.close()


@pytest.fixture(scope="module")
def executor(store):
    spec = ExecutorSpec(use="ray", workers=1, heartbeat_timeout=30.0, storage_path=store.url())
    with open_executor(play, spec, "cpu") as executor:
        yield executor


@pytest.fixture
def ending(executor, tmp_path):
    """Run a job of this kind, with or without a trial to resume from."""

    def run(part, resume_from=None):
        (tmp_path / "7").mkdir(exist_ok=True)
        executor.submit(Job(7, part, tmp_path / "7", resume_from=resume_from))
        while True:
            for event in executor.events(1.0):
                if isinstance(event, Ended):
                    return event.ending

    return run


@pytest.mark.campaign
def test_a_store_that_fails_in_the_middle_crashes_its_trials_and_not_the_search(ending, store):
    store.refuses = lambda method, path: path.endswith(".zip") and method != "GET"
    lost = ending("healthy")
    store.refuses = lambda method, path: False
    assert (lost.kind, lost.message.partition(": ")[0]) == ("died", store.url())
    assert "ACCESS_DENIED" in lost.message and "open-sesame" not in lost.message
    assert ending("healthy") == OUTCOME


def test_a_store_that_refuses_the_inputs_of_a_job_crashes_it(ending, store, tmp_path):
    (tmp_path / "6").mkdir()
    (tmp_path / "6" / "checkpoint.pt").touch()
    store.refuses = lambda method, path: "/inputs/" in path
    lost = ending("is flaky", resume_from=tmp_path / "6")
    store.refuses = lambda method, path: False
    assert lost.kind == "died" and "ACCESS_DENIED" in lost.message
    assert ending("is flaky", resume_from=tmp_path / "6") == OUTCOME


def test_a_slot_that_dies_is_reported(ending, store):
    lost = ending("kills its starter")
    assert (lost.kind, lost.message.partition(":")[0]) == ("died", "its slot on Ray was lost")


@pytest.mark.campaign
def test_the_checkpoint_of_a_stopped_trial_is_in_the_run_folder(executor, store, tmp_path):
    executor.submit(Job(7, "keeps a checkpoint when stopped", tmp_path))
    while not executor.events(1.0):
        pass
    executor.stop(grace=8.0)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert store.files() == set()
