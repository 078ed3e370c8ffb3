import os
import pwd
import stat

import pytest

from gansearch import user_folders
from gansearch.storage.run_mark import RunMark
from gansearch.user_folders import cache_folder, fetched_folder, state_folder


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A folder for temporary files, with no warnings said before."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(user_folders.tempfile, "tempdir", str(tmp_path / "tmp"))
    user_folders._temporary.cache_clear()
    yield tmp_path / "tmp" / f"gansearch-{os.getuid()}"
    user_folders._temporary.cache_clear()


@pytest.fixture(params=["no home", "a home that is a file", "a home that cannot be written"])
def homeless(request, temporary, tmp_path, monkeypatch):
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    if request.param == "no home":
        monkeypatch.delenv("HOME")
        monkeypatch.setattr(pwd, "getpwuid", lambda user: {}[user])
    elif request.param == "a home that is a file":
        (tmp_path / "file").touch()
        monkeypatch.setenv("HOME", str(tmp_path / "file"))
    else:  # root may write anywhere
        monkeypatch.setattr(user_folders.os, "access", lambda path, mode: False)
    return temporary


def test_without_a_home_a_private_temporary_folder_is_used_and_said_once(homeless, caplog):
    assert (cache_folder(), state_folder()) == (homeless / "cache", homeless / "state")
    cache_folder()
    assert stat.S_IMODE(homeless.stat().st_mode) == 0o700
    assert [str(homeless) in record.message for record in caplog.records] == [True, True]
    assert not os.path.lexists("~")


def test_a_run_is_trusted_without_a_home(homeless):
    mark = RunMark.new().of_study(b"name: x")
    mark.trust()
    assert mark.trusted_digests == mark.study_sha256


@pytest.mark.parametrize("of_another", ["link", "open", "file"])
def test_a_temporary_folder_that_another_user_may_have_made_is_not_used(
    homeless, tmp_path, of_another
):
    if of_another == "link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        homeless.symlink_to(tmp_path / "theirs")
    elif of_another == "open":
        homeless.mkdir()
        homeless.chmod(0o777)
    else:
        homeless.touch()
    used = cache_folder().parent
    assert used != homeless and used.parent == homeless.parent
    assert stat.S_IMODE(used.stat().st_mode) == 0o700


def test_data_that_were_fetched_are_read_from_a_home_that_cannot_be_written(
    temporary, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "gansearch" / "pictures").mkdir(parents=True)
    monkeypatch.setattr(user_folders.os, "access", lambda path, mode: False)
    assert fetched_folder("pictures") == tmp_path / "gansearch" / "pictures"
    assert fetched_folder("others") == temporary / "cache" / "others"
