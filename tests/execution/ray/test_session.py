"""Folders of a Ray of our own, and slots of a node; without starting Ray."""

import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from gansearch.execution.ray.session import (
    LONGEST_TEMPORARY_PATH,
    PREFIX,
    _slots_of_node,
    _temporary_folder,
)
from gansearch.files import LOCK
from gansearch.study.spec import ExecutorSpec, ResourcesSpec


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


def test_the_folder_of_a_session_is_removed_at_its_end(temporary):
    with _temporary_folder() as folder:
        assert folder.parent == temporary
    assert list(temporary.iterdir()) == []


def test_the_next_session_removes_the_folder_of_a_killed_driver_and_nothing_else(temporary):
    killed = left(temporary, f"{PREFIX}killed", LOCK, "session.log")
    at_work = left(temporary, f"{PREFIX}at-work", LOCK)
    run_folder = left(temporary, f"{PREFIX}study", "lock", "study.yaml")
    with FileLock(at_work / LOCK), _temporary_folder():
        assert [place.exists() for place in (killed, at_work, run_folder)] == [False, True, True]


def test_a_path_that_is_too_long_for_the_sockets_of_ray_is_not_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with _temporary_folder() as folder:
        assert folder.parent == Path("/tmp")


@pytest.mark.parametrize(
    ("cpus", "gpus", "node", "candidates"),
    [
        (1, 0, {"CPU": 8.0}, 8),
        (3, 0, {"CPU": 8.0}, 2),
        (1, 0.25, {"CPU": 8.0, "GPU": 1.0}, 4),
        (1, 0.25, {"CPU": 2.0, "GPU": 1.0}, 2),
        (1, 1, {"CPU": 8.0}, 0),
    ],
)
def test_a_node_takes_as_many_candidates_as_all_their_resources_slots_of_node_into(
    cpus, gpus, node, candidates
):
    assert (
        _slots_of_node(ExecutorSpec(resources=ResourcesSpec(cpus=cpus, gpus=gpus)), node)
        == candidates
    )
