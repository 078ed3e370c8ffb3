"""Candidates per hour of a whole study.

    python benchmarks/throughput/measure.py [--rounds 2] [--out results.json]

Runs `gansearch run study.yaml` on each executor with one worker that has both cores and with two
that have one each, in bf16, and with weights that are not channels-last. All train the same eight
candidates. They take turns, forwards and then backwards, so that a noisy machine is equally noisy
for all. About 6 minutes a round on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STUDY = Path(__file__).parent / "study.yaml"
COMMAND = Path(sys.executable).with_name("gansearch")
WAYS: dict[str, list[str]] = {
    "local, 1 worker": ["--workers", "1"],
    "local, 2 workers": ["--workers", "2"],
    "Ray, 1 slot": ["--executor", "ray", "--workers", "1", "--set", "executor.resources.cpus=2"],
    "Ray, 2 slots": ["--executor", "ray", "--workers", "2"],
    "local, 2 workers, bf16": ["--workers", "2", "--set", "training.precision=bf16"],
    "local, 2 workers, contiguous": [
        "--workers",
        "2",
        "--set",
        "training.memory_format=contiguous",
    ],
}
"""Options by name. A single worker or slot has two threads, each of two has one."""


def run(way: str) -> dict[str, float]:
    """Run the study once."""
    with tempfile.TemporaryDirectory() as folder:
        before = time.monotonic()
        arguments: list[str | Path] = [COMMAND, "run", STUDY, "--out", folder + "/run", *WAYS[way]]
        subprocess.run(arguments, check=True, capture_output=True, cwd=folder)
        seconds = time.monotonic() - before
        front = subprocess.run(
            [COMMAND, "pareto", folder + "/run", "--json"], check=True, capture_output=True
        )
        trials = subprocess.run(
            [COMMAND, "status", folder + "/run", "--json"], check=True, capture_output=True
        )
    complete = json.loads(trials.stdout)["trials"]["complete"]
    mmd = json.loads(front.stdout)["baseline"]["values"]["mmd"]
    return {
        "seconds": seconds,
        "candidates_an_hour": 3600 * complete / seconds,
        "mmd_of_the_baseline": mmd,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for around in range(options.rounds):
        for way in list(WAYS)[:: 1 if around % 2 == 0 else -1]:
            runs[way].append(run(way))
            print(f"{way:28} {runs[way][-1]}", flush=True)
    means = {
        way: {name: round(statistics.mean(one[name] for one in done), 1) for name in done[0]}
        | {"runs": done}
        for way, done in runs.items()
    }
    if options.out:
        facts = {
            "cores": len(os.sched_getaffinity(0)),
            "load": round(os.getloadavg()[0], 1),
            "ways": means,
        }
        options.out.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
