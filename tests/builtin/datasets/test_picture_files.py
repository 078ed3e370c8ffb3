import os
import stat
import zipfile

import pytest

from gansearch.builtin.datasets import archives
from gansearch.builtin.datasets.picture_files import open_entries, pictures_among
from gansearch.errors import DataError

PNG = b"\x89PNG\r\n\x1a\n"


def make(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(PNG)


def found(root):
    """Names of the pictures, and lines of what is left out."""
    with open_entries(root) as entries:
        pictures, left_out = pictures_among(entries)
    return [picture.name for picture in pictures], [str(one) for one in left_out]


def test_pictures_are_found_in_all_subfolders_by_any_case_of_their_ending(tmp_path):
    make(tmp_path, "a.PNG", "b/c.Jpeg", "b/d/e.webp", "notes.txt")
    (tmp_path / "notes.txt").write_text("no picture")
    assert found(tmp_path) == (["a.PNG", "b/c.Jpeg", "b/d/e.webp"], [])


def test_a_picture_without_an_ending_is_known_by_its_content(tmp_path):
    make(tmp_path, "0001", "b.dat")
    (tmp_path / "LICENSE").write_text("BMP or GIF, as you like")
    assert found(tmp_path)[0] == ["0001", "b.dat"]


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.png",
        ".ipynb_checkpoints/a.png",
        "__MACOSX/cats/._a.png",
        "cats/._a.png",
        "@eaDir/a.png",
        "$RECYCLE.BIN/a.png",
        "Thumbs.db",
    ],
)
def test_files_that_systems_leave_are_passed_over_in_silence(tmp_path, name):
    make(tmp_path / "set", "cats/a.png", name)
    assert found(tmp_path / "set") == (["cats/a.png"], [])


def test_pictures_of_other_formats_are_named(tmp_path):
    make(tmp_path, "a.png", "b.HEIC", "more.zip")
    assert found(tmp_path)[1] == [
        "left out b.HEIC: .heic files are not read",
        "left out more.zip: .zip files are not read",
    ]


def test_linked_folders_are_followed_once(tmp_path):
    make(tmp_path / "store", "sunny/a.png", "rainy/b.png")
    root = tmp_path / "set"
    make(root, "own.png", "real/c.png")
    (root / "sunny").symlink_to(tmp_path / "store" / "sunny")
    (root / "again").symlink_to(root / "sunny")
    (root / "alias").symlink_to(root / "real")
    (tmp_path / "store" / "sunny" / "loop").symlink_to(root)
    (root / "up").symlink_to(tmp_path)
    names, left_out = found(root)
    assert [name.partition("/")[2] or name for name in names] == ["a.png", "own.png", "c.png"]
    assert "real/c.png" in names and left_out == []


def test_special_files_and_broken_links_are_named(tmp_path):
    make(tmp_path, "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    assert found(tmp_path) == (
        ["a.png"],
        [
            "left out gone.png: a link that leads nowhere",
            "left out pipe.png: no regular file",
        ],
    )


def test_bytes_of_names_that_are_no_utf8_are_told_readably(tmp_path):
    os.mkfifo(os.fsencode(tmp_path) + b"/m\xfc.png")
    assert found(tmp_path)[1] == ["left out m\\xfc.png: no regular file"]


@pytest.fixture
def archive(tmp_path):
    """Write a zip file of these members, each a name or a ZipInfo, and give its path."""

    def write(*members, content=PNG, compression=zipfile.ZIP_STORED):
        with zipfile.ZipFile(tmp_path / "set.zip", "w", compression) as file:
            for member in members:
                file.writestr(member, content)
        return tmp_path / "set.zip"

    return write


def test_a_zip_file_is_read_as_a_folder_is(archive):
    path = archive("set/b.png", "set/a.png", "__MACOSX/set/._a.png", "set/notes.txt")
    with open_entries(path) as entries:
        pictures, _ = pictures_among(entries)
        assert [picture.name for picture in pictures][:2] == ["set/a.png", "set/b.png"]
        assert pictures[0].open().read() == PNG


def test_links_and_encrypted_files_of_an_archive_are_named(archive):
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = archive(link, "secret.png")
    content = path.read_bytes()
    begin = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 4)
    path.write_bytes(content[: begin + 8] + b"\x01" + content[begin + 9 :])
    assert found(path)[1] == [
        "left out link.png: no regular file",
        "left out secret.png: encrypted",
    ]


def test_a_zip_bomb_is_refused_before_it_is_unpacked(archive, monkeypatch):
    monkeypatch.setattr(archives, "RATIO_FROM", 1000)
    path = archive("a.png", content=bytes(1_000_000), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="would unpack to 1000000 bytes, more than 200 times"):
        found(path)


def test_a_file_that_unpacks_to_more_than_its_header_says_is_refused(archive, monkeypatch):
    path = archive("a.png", content=bytes(5000))
    monkeypatch.setattr(archives, "LARGEST_MEMBER", 4000)
    assert found(path)[1] == ["left out a.png: too large"]


def test_a_damaged_archive_is_refused(archive):
    path = archive("a.png")
    content = path.read_bytes()
    begin = content.index(b"PK\x01\x02")
    path.write_bytes(content[:begin] + b"PK\x09\x09" + content[begin + 4 :])
    with pytest.raises(DataError, match="damaged zip file"):
        found(path)
