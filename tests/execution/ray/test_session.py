"""Folders of a Ray of our own, and slots of a node; without starting Ray."""

import tempfile
from pathlib import Path

import pytest
import ray
from filelock import FileLock

from gansearch.errors import GansearchError
from gansearch.execution.ray.session import (
    LONGEST_TEMPORARY_PATH,
    PREFIX,
    count_slots,
    ray_session,
)
from gansearch.files import LOCK
from gansearch.study.spec import ExecutorSpec, ResourcesSpec


@pytest.fixture
def session(monkeypatch):
    """A session in a process that has connected to Ray already."""
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    return lambda: ray_session(ExecutorSpec(use="ray"))


@pytest.fixture
def temporary(monkeypatch):
    """A temporary directory with a path as short as Ray wants it."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="gsr") as place:
        assert len(place) <= LONGEST_TEMPORARY_PATH
        monkeypatch.setattr(tempfile, "tempdir", place)
        yield Path(place)


def left(temporary, name, *files):
    (temporary / name).mkdir()
    for file in files:
        (temporary / name / file).touch()
    return temporary / name


def test_the_folder_of_a_session_is_removed_at_its_end(temporary, session):
    with session() as folder:
        assert folder.parent == temporary
    assert list(temporary.iterdir()) == []


def test_the_next_session_removes_the_folder_of_a_killed_driver_and_nothing_else(
    temporary, session
):
    killed = left(temporary, f"{PREFIX}killed", LOCK, "session.log")
    at_work = left(temporary, f"{PREFIX}at-work", LOCK)
    run_folder = left(temporary, f"{PREFIX}study", "lock", "study.yaml")
    with FileLock(at_work / LOCK), session():
        assert [place.exists() for place in (killed, at_work, run_folder)] == [False, True, True]


def test_a_path_that_is_too_long_for_the_sockets_of_ray_is_not_taken(
    tmp_path, monkeypatch, session
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with session() as folder:
        assert folder.parent == Path("/tmp")


@pytest.fixture
def slots(monkeypatch):
    """Counts the slots of a cluster with these nodes, given as (resources, alive)."""

    def count(nodes, **resources):
        found = [{"Resources": node, "Alive": alive} for node, alive in nodes]
        monkeypatch.setattr(ray, "nodes", lambda: found)
        resources = ResourcesSpec(**resources)
        return count_slots(ExecutorSpec(use="ray", address="auto", resources=resources))

    return count


@pytest.mark.parametrize(
    ("cpus", "gpus", "node", "candidates"),
    [
        (1, 0, {"CPU": 8.0}, 8),
        (3, 0, {"CPU": 8.0}, 2),
        (1, 0.25, {"CPU": 8.0, "GPU": 1.0}, 4),
        (1, 0.25, {"CPU": 2.0, "GPU": 1.0}, 2),
    ],
)
def test_a_node_has_as_many_slots_as_its_scarcest_resource_allows(
    slots, cpus, gpus, node, candidates
):
    assert slots([(node, True)], cpus=cpus, gpus=gpus) == candidates


def test_a_candidate_is_not_spread_over_nodes_nor_placed_on_a_dead_one(slots):
    assert slots([({"CPU": 5.0}, True), ({"CPU": 5.0}, True), ({"CPU": 9.0}, False)], cpus=3) == 2


def test_a_cluster_without_the_resources_of_a_candidate_is_refused(slots):
    with pytest.raises(GansearchError, match=r"\(cpus: 1, gpus: 1\)"):
        slots([({"CPU": 8.0}, True)], cpus=1, gpus=1)
