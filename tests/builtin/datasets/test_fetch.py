import hashlib

import pytest

from gansearch.builtin.datasets import fetch
from gansearch.builtin.datasets.fetch import fetch_fashion_mnist
from gansearch.errors import DataError

NOBODY = "http://127.0.0.1:9/"  # the discard port, at which no web server listens


def test_offline_the_message_names_three_ways_out(tmp_path):
    with pytest.raises(
        DataError, match=r"(?s)cannot be fetched.*images: slice.*dataset-fashion-mnist.*as root"
    ):
        fetch_fashion_mnist(tmp_path / "cache", NOBODY)


def test_files_that_are_there_are_not_fetched_again(tmp_path, monkeypatch):
    sums = {name: hashlib.sha256(name.encode()).hexdigest() for name in fetch.SHA256}
    monkeypatch.setattr(fetch, "SHA256", sums)
    for name in sums:
        (tmp_path / name).write_bytes(name.encode())
    assert fetch_fashion_mnist(tmp_path, NOBODY) == tmp_path


def test_another_file_than_the_official_one_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "pooch.HTTPDownloader.__call__",
        lambda self, url, file, shelf: _write(file, b"not the data"),
    )
    with pytest.raises(DataError, match="does not match the known hash"):
        fetch_fashion_mnist(tmp_path)
    assert list(tmp_path.iterdir()) == []


def _write(file, content):
    with open(file, "wb") as stream:
        stream.write(content)
