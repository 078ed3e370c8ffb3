"""A search over several real nodes of Ray, on the loopback interface of this machine."""

import shutil
import tempfile
from pathlib import Path

import pytest
from ray._common.utils import get_default_ray_temp_dir
from ray.cluster_utils import Cluster
from support.stubs import linger

from gansearch.execution.executor import open_executor
from gansearch.execution.ray.file_transfer import MARKER, OUTPUTS, ObjectStoreTransfer
from gansearch.study.spec import ExecutorSpec

NODE = {
    "node_ip_address": "127.0.0.1",
    "object_store_memory": 80_000_000,
    "include_dashboard": False,
}


@pytest.fixture
def cluster():
    """A head that trains nothing, and two nodes with room for a candidate each."""
    folder = tempfile.mkdtemp(prefix="gsr", dir="/tmp")  # sockets of Ray need a short path
    Path(get_default_ray_temp_dir()).mkdir(
        parents=True, exist_ok=True
    )  # where the head notes its address all the same
    cluster = Cluster(
        initialize_head=True, head_node_args=NODE | {"num_cpus": 0, "temp_dir": folder}
    )
    for _ in range(2):
        cluster.add_node(num_cpus=1, **NODE, temp_dir=folder)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def kept_by(trial, url, place):
    """Return the node of a trial's last checkpoint as the driver can know it; None before."""
    folder = trial
    if url is not None:
        folder = place / trial.name
        if not (trial / MARKER).exists() or not ObjectStoreTransfer(
            url, (trial / MARKER).read_text()
        ).at(OUTPUTS).download(folder):
            return None
    return (
        int((folder / "checkpoint.pt").read_text()) if (folder / "checkpoint.pt").exists() else None
    )


@pytest.mark.parametrize(
    "shared",
    [
        pytest.param(True, id="shared folder", marks=pytest.mark.campaign),
        pytest.param(False, id="storage path", marks=pytest.mark.campaign),
    ],
)
def test_trials_of_a_killed_node_are_resumed_on_another_and_the_others_go_on(
    shared, cluster, search, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    url = None if shared else f"file://{tmp_path}/store"
    doomed = cluster.list_all_nodes()[-1]
    raylet = doomed.all_processes["raylet"][0].process.pid
    trained_on = {}

    def kill_one_once_both_train():
        trials = (tmp_path / "run").glob("trials/*")
        kept = (
            {}
            if trained_on
            else {int(trial.name): kept_by(trial, url, tmp_path / "seen") for trial in trials}
        )
        if len(kept) == 2 and all(kept.values()):
            trained_on.update(kept)
            cluster.remove_node(doomed, allow_graceful=False)
        elif search.audience.retries:  # the loss has been noticed, so the others may end
            (tmp_path / "go").touch()
        return False

    spec = ExecutorSpec(use="ray", address=cluster.address, storage_path=url)
    with open_executor(linger, spec, "cpu") as executor:
        assert executor.slots == 2
        study = search(executor, "search.sampler=random", stop=kill_one_once_both_train)
    (lost,) = [trial for trial, node in trained_on.items() if node == raylet]
    records = study.records()
    assert [record.state for record in records] == ["complete"] * 4
    assert [number for number, _ in search.audience.retries] == [lost]
    assert search.audience.retries[0][1].startswith("died: ")
    assert [record.number for record in records if record.signals["resumed"]] == [lost]
    written = [
        (trial, Path((trial / "place").read_text()))
        for trial in (tmp_path / "run" / "trials").iterdir()
    ]
    assert len(written) == 4
    assert {trial == place for trial, place in written} == {
        shared
    }  # or else each where no other node sees it
    assert [place for _, place in written if place.exists() and not shared] == []
    assert shared or list((tmp_path / "store").iterdir()) == []
