"""Train the feature extractor for Fashion-MNIST: `python make_extractor.py ROOT`.

ROOT holds the four official idx files: all 60,000 training images are learned from. The printed
checksum belongs into `gansearch.builtin.extractors.fashion_mnist`, the accuracy into README.md.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import torch

from gansearch.builtin.datasets.fashion_mnist import read_part
from gansearch.builtin.extractors.training import accuracy, train_extractor


def main(root: Path, target: Path) -> None:
    """Write the weights and print what is to be recorded of them."""
    torch.set_num_threads(1)  # sums in another order would give other weights
    (train, labels), (test, test_labels) = (
        tuple(torch.from_numpy(array) for array in read_part(root, part))
        for part in ("train", "test")
    )
    network = train_extractor(train.unsqueeze(1), labels)
    torch.save(network.state_dict(), target)
    print("sha256", hashlib.sha256(target.read_bytes()).hexdigest())
    print("accuracy on the official test set", accuracy(network, test.unsqueeze(1), test_labels))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent / "extractor.pt")
