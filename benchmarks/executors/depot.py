"""What it costs a trial that its files reach the run folder over a storage, and not by a folder that all nodes share.

    python benchmarks/executors/depot.py [--trials 50] [--megabytes 4]

Brings the folder of a trial, of files such as a training leaves, over `file://`: as its slot brings it, and as the
driver fetches it. What an object store adds depends on the store, so that is not measured.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from gansearch.execution.ray.file_transfer import ObjectStoreTransfer, at_node, dispatch, received
from gansearch.messages import Job, Outcome
from gansearch.signals import HEALTHY


def bring(root: Path, number: int, size: int) -> tuple[float, float]:
    """Seconds of the slot, and of the driver, for a folder with a file of so many bytes and 4 pictures."""
    shelf, run = (
        ObjectStoreTransfer(f"file://{root}/depot", f"/{number}"),
        root / "run" / str(number),
    )
    run.mkdir(parents=True)
    job = Job(number, "nothing", run)  # type: ignore[arg-type]
    began = time.perf_counter()
    dispatch(shelf, job)
    sent = time.perf_counter()
    with at_node(shelf) as keep:
        here = Path(tempfile.gettempdir(), f"gansearch-trial-{number}", "trial")
        written = time.perf_counter()
        for name, length in {
            "checkpoint.pt": size,
            **{f"{i}.png": 50_000 for i in range(4)},
        }.items():
            (here / name).write_bytes(os.urandom(length))
        written = time.perf_counter() - written
        keep(True)
    brought = time.perf_counter()
    received(shelf, job, Outcome(HEALTHY, 1, 0.0))
    return brought - sent - written, time.perf_counter() - brought + sent - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--megabytes", type=float, default=4.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        spent = [
            bring(Path(root), number, int(arguments.megabytes * 1e6))
            for number in range(arguments.trials)
        ]
    for who, seconds in zip(("slot", "driver"), zip(*spent, strict=True), strict=True):
        print(
            f"{who}: median {statistics.median(seconds):.3f} s a trial, at most {max(seconds):.3f}"
        )


if __name__ == "__main__":
    main()
