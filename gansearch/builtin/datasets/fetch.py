"""Download of the official files of Fashion-MNIST into the user's cache."""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path

from gansearch.builtin.datasets.fashion_mnist import cache_folder
from gansearch.errors import DataError
from gansearch.files import write_atomically

BASE_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
# The publisher offers no TLS and publishes MD5 sums alone; these are of the same four files.
SHA256: Mapping[str, str] = {
    "train-images-idx3-ubyte.gz": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    "train-labels-idx1-ubyte.gz": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
    ),
}
TIMEOUT = 10.0
"""Seconds to wait for the server, at each read."""
LARGEST_FILE = 64 * 2**20
"""Largest download in bytes; the largest official file has 26 million."""


def fetch_fashion_mnist(folder: Path | None = None, base_url: str = BASE_URL) -> Path:
    """Download the files that are not there yet, 31 MB in all, and return the folder.

    Raises:
        DataError: when the server is unreachable or sends other content; the message says what to
            do.
    """
    folder = folder or cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, sha256 in SHA256.items():
            path = folder / name
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
                write_atomically(path, _download(base_url + name, sha256))
    except (OSError, HTTPException, ValueError) as error:  # URLError is an OSError
        raise DataError(
            f"Fashion-MNIST cannot be fetched from {base_url}: {error}\n"
            "Instead, take the slice, which ships with gansearch and needs nothing (images: "
            "slice); or install Debian's package dataset-fashion-mnist; or put the four official "
            f"files into {folder}, or into a folder of your own that the study names as root"
        ) from None
    return folder


def _download(url: str, sha256: str) -> bytes:
    """Return the content at a URL.

    Raises:
        ValueError: when it has another checksum.
        OSError: when the download fails.
    """
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
        content: bytes = answer.read(LARGEST_FILE)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"{url} has the sha256 {found}, not the known {sha256}")
    return content
