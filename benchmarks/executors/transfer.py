"""Cost per trial of transferring its files over a store instead of a shared folder.

    python benchmarks/executors/transfer.py [--trials 50] [--megabytes 4]

Transfers a trial's folder, with files such as a training leaves, over `file://`: the upload of its
slot, and the download of the driver. An object store adds to that what the store needs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from gansearch.execution.ray.file_transfer import (
    ObjectStoreTransfer,
    download_outputs,
    node_folder,
    upload_inputs,
)
from gansearch.messages import Job, Outcome
from gansearch.signals import HEALTHY


def transfer_folder(root: Path, number: int, size: int) -> tuple[float, float]:
    """Return seconds of slot and driver for a checkpoint of `size` bytes and 4 pictures."""
    transfer = ObjectStoreTransfer(f"file://{root}/store", f"/{number}")
    run = root / "run" / str(number)
    run.mkdir(parents=True)
    job = Job(number, "nothing", run)  # type: ignore[arg-type]
    began = time.perf_counter()
    upload_inputs(transfer, job)
    sent = time.perf_counter()
    with node_folder(transfer) as upload:
        here = Path(tempfile.gettempdir(), f"gansearch-trial-{number}", "trial")
        written = time.perf_counter()
        for name, length in {
            "checkpoint.pt": size,
            **{f"{i}.png": 50_000 for i in range(4)},
        }.items():
            (here / name).write_bytes(os.urandom(length))
        written = time.perf_counter() - written
        upload(True)
    uploaded = time.perf_counter()
    download_outputs(transfer, job, Outcome(HEALTHY, 1, 0.0))
    return uploaded - sent - written, time.perf_counter() - uploaded + sent - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--megabytes", type=float, default=4.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        spent = [
            transfer_folder(Path(root), number, int(arguments.megabytes * 1e6))
            for number in range(arguments.trials)
        ]
    for who, seconds in zip(("slot", "driver"), zip(*spent, strict=True), strict=True):
        print(
            f"{who}: median {statistics.median(seconds):.3f} s a trial, at most {max(seconds):.3f}"
        )


if __name__ == "__main__":
    main()
