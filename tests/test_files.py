import os
import stat

import pytest

from gansearch.files import LinkError, passing_folder, refuse_links, replacing, write_atomically


@pytest.fixture
def precious(tmp_path):
    """A file outside the folder that is written to."""
    (tmp_path / "precious.txt").write_text("mine")
    return tmp_path / "precious.txt"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def test_a_link_is_replaced_and_its_target_kept(folder, precious):
    (folder / "link").symlink_to(precious)
    write_atomically(folder / "link", b"new")
    assert (precious.read_text(), (folder / "link").read_bytes()) == ("mine", b"new")
    assert not (folder / "link").is_symlink()


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_a_file_gets_the_mode_of_the_umask(folder, umask, mode):
    before = os.umask(umask)
    try:
        write_atomically(folder / "file", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "file").stat().st_mode) == mode


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(folder):
    (folder / "file").write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(folder / "file") as new:
        new.write_text("half")
        raise ZeroDivisionError
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("file", "old")]


def test_the_new_file_has_the_ending_of_the_old_one(folder):
    with replacing(folder / "picture.png") as new:
        assert (new.suffix, new.parent) == (".png", folder)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path, other: path.symlink_to(other), "is a link"),
        (lambda path, other: path.hardlink_to(other), "second name"),
        (lambda path, _: os.mkfifo(path), "special file"),
    ],
)
def test_links_and_special_files_are_refused_at_any_depth(folder, precious, make, message):
    (folder / "deep").mkdir()
    make(folder / "deep" / "entry", precious)
    with pytest.raises(LinkError, match=message):
        refuse_links(folder)
    refuse_links(folder, ["deep", "absent"])


def test_a_link_among_left_over_folders_is_not_followed(tmp_path, folder, precious):
    (folder / "work-elsewhere").symlink_to(tmp_path)
    (tmp_path / ".passing.lock").touch()
    with passing_folder(folder, "work-", "1"):
        pass
    assert precious.exists()
