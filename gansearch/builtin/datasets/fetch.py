"""Download of the official files of Fashion-MNIST into the user's cache."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pooch
import requests

from gansearch.builtin.datasets.fashion_mnist import cache_folder
from gansearch.errors import DataError

BASE_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
# The publisher offers no TLS and publishes MD5 sums alone; these are the sha256 of the same four files.
SHA256: Mapping[str, str] = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
TIMEOUT = 10.0
"""Seconds to wait for the server to answer."""


def fetch_fashion_mnist(folder: Path | None = None, base_url: str = BASE_URL) -> Path:
    """Download what is not there yet, 31 MB in all, and return the folder.

    Raises:
        DataError: when the server cannot be reached or sends something else, saying what to do instead.
    """
    folder = folder or cache_folder()
    shelf = pooch.create(path=folder, base_url=base_url, registry=dict(SHA256))
    download = pooch.HTTPDownloader(timeout=TIMEOUT)
    try:
        for name in SHA256:
            shelf.fetch(name, downloader=download)
    except (requests.RequestException, ValueError, OSError) as error:
        raise DataError(
            f"Fashion-MNIST cannot be fetched from {base_url}: {error}\n"
            "Instead, take the slice, which ships with gansearch and needs nothing (images: slice); or install "
            f"Debian's package dataset-fashion-mnist; or put the four official files into {folder}, or into a "
            "folder of your own that the study names as root"
        ) from None
    return folder
