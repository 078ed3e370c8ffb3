"""A search over several nodes of Ray: real ones, on the loopback interface of this machine."""

import shutil
import tempfile

import pytest
from ray.cluster_utils import Cluster
from stubs import linger

from gansearch.search.executors import open_executor
from gansearch.study import ExecutorSpec

NODE = {"node_ip_address": "127.0.0.1", "object_store_memory": 80_000_000, "include_dashboard": False}


@pytest.fixture
def cluster():
    """A head that trains nothing, and two nodes with room for a candidate each."""
    folder = tempfile.mkdtemp(prefix="gsr", dir="/tmp")  # sockets of Ray need a short path
    cluster = Cluster(initialize_head=True, head_node_args=NODE | {"num_cpus": 0, "temp_dir": folder})
    for _ in range(2):
        cluster.add_node(num_cpus=1, **NODE, temp_dir=folder)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_node_that_is_killed_costs_the_trials_on_it_a_try_and_the_others_nothing(cluster, search, tmp_path):
    doomed = cluster.list_all_nodes()[-1]
    raylet = doomed.all_processes["raylet"][0].process.pid
    trained_on = {}

    def kill_one_once_both_train():
        told = list((tmp_path / "run" / "trials").glob("*/raylet"))
        if not trained_on and len(told) == 2:
            trained_on.update({int(path.parent.name): int(path.read_text()) for path in told})
            cluster.remove_node(doomed, allow_graceful=False)
        elif search.audience.records:  # the loss has been noticed, so the others may end
            (tmp_path / "run" / "go").touch()
        return False

    spec = ExecutorSpec(use="ray", address=cluster.address)
    with open_executor(linger, spec, "cpu") as executor:
        assert executor.slots == 2
        store = search(executor, "search.sampler=random", stop=kill_one_once_both_train)
    (lost,) = [trial for trial, node in trained_on.items() if node == raylet]
    records = store.records()
    (again,) = [record for record in records if record.retry_of is not None]
    assert (again.retry_of, again.state, again.parameters) == (lost, "complete", records[lost].parameters)
    assert [record.number for record in records if record.state != "complete"] == [lost]
    assert (records[lost].retried, records[lost].reason.partition(":")[0]) == (True, "died")
    assert len(records) == 5  # the study's four, and the second try of one
