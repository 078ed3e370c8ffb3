import hashlib
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from gansearch.builtin.datasets import fetch
from gansearch.builtin.datasets.fetch import fetch_fashion_mnist
from gansearch.errors import DataError

NO_SERVER = "http://127.0.0.1:9/"  # the discard port, at which no web server listens


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def official(tmp_path, monkeypatch):
    """URL of a web server that has small files in place of the official ones."""
    folder = tmp_path / "server"
    folder.mkdir()
    for name in fetch.SHA256:
        (folder / name).write_bytes(name.encode())
    sums = {name: hashlib.sha256(name.encode()).hexdigest() for name in fetch.SHA256}
    monkeypatch.setattr(fetch, "SHA256", sums)
    handler = partial(SilentHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_every_official_file_is_downloaded(official, tmp_path):
    folder = fetch_fashion_mnist(tmp_path / "cache", official)
    assert {path.name for path in folder.iterdir()} == {*fetch.SHA256}
    assert all(path.read_bytes() == path.name.encode() for path in folder.iterdir())


def test_files_that_are_there_are_not_downloaded_again(official, tmp_path):
    folder = fetch_fashion_mnist(tmp_path / "cache", official)
    assert fetch_fashion_mnist(folder, NO_SERVER) == folder


def test_a_damaged_file_is_downloaded_again(official, tmp_path):
    folder = fetch_fashion_mnist(tmp_path / "cache", official)
    damaged = folder / "t10k-labels-idx1-ubyte.gz"
    damaged.write_bytes(b"half")
    fetch_fashion_mnist(folder, official)
    assert damaged.read_bytes() == damaged.name.encode()


def test_without_a_network_the_message_names_three_ways_out(tmp_path):
    with pytest.raises(
        DataError, match=r"(?s)cannot be fetched.*images: slice.*dataset-fashion-mnist.*as root"
    ):
        fetch_fashion_mnist(tmp_path / "cache", NO_SERVER)


def test_a_file_with_another_checksum_is_not_kept(official, tmp_path):
    (tmp_path / "server" / "train-images-idx3-ubyte.gz").write_bytes(b"not the data")
    with pytest.raises(DataError, match=r"has the sha256 [0-9a-f]{64}, not the known"):
        fetch_fashion_mnist(tmp_path / "cache", official)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_missing_file_is_a_refusal(official, tmp_path):
    (tmp_path / "server" / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(DataError, match="HTTP Error 404"):
        fetch_fashion_mnist(tmp_path / "cache", official)
