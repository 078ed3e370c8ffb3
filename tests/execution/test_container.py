import pytest

from gansearch.execution.container import cores_allowed, memory_left


@pytest.fixture
def groups(tmp_path):
    """Control groups around a process: `outer/inner`."""
    (tmp_path / "root" / "outer" / "inner").mkdir(parents=True)
    (tmp_path / "own").write_text("0::/outer/inner\n")
    return tmp_path / "root", tmp_path / "own"


def test_the_tightest_limit_around_a_process_counts(groups):
    root, _ = groups
    (root / "outer" / "cpu.max").write_text("150000 100000\n")
    (root / "outer" / "inner" / "cpu.max").write_text("max 100000\n")
    (root / "outer" / "memory.max").write_text("max\n")
    (root / "outer" / "inner" / "memory.max").write_text("3000\n")
    (root / "outer" / "inner" / "memory.current").write_text("1000\n")
    assert (cores_allowed(*groups), memory_left(*groups)) == (1.5, 2000)


def test_a_container_sees_its_own_group_as_the_root(groups):
    root, own = groups
    own.write_text("0::/\n")
    (root / "cpu.max").write_text("200000 100000\n")
    assert cores_allowed(root, own) == 2.0


def test_without_control_groups_there_is_no_limit(tmp_path):
    assert cores_allowed(tmp_path, tmp_path / "own") is None
    assert memory_left(tmp_path, tmp_path / "own") is None
