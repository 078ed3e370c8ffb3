"""Print one digest per trained candidate of four short studies: losses, verdict and weights, to the
last bit.

A refactor of training code must leave every line as it was:

    taskset --cpu-list 0 python tools/training_digest.py RUNS > after.txt
    diff before.txt after.txt

Run it on one core, since the order of floating-point sums depends on the number of threads. A study
whose run folder is in RUNS already is not trained again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

STUDIES = Path(__file__).resolve().parents[1] / "studies"
RUNS: dict[str, list[str]] = {
    "smoke": ["--trials", "4"],
    "fashion_dense": ["--set", "training.epochs=1", "--set", "training.sample_every=100"],
    "failure_modes_ring2d": ["--set", "training.steps=300"],
    "ae_gan": [
        "--trials",
        "5",
        "--set",
        "training.steps=150",
        "--set",
        "certification.at_end=false",
    ],
}
"""Command-line arguments that shorten each study."""
MAX_TRIALS = 6
"""Trials of a study that are digested."""


def main(runs: Path) -> None:
    """Train what is missing in `runs`, then print a digest per trial."""
    if len(os.sched_getaffinity(0)) != 1:
        sys.exit(
            "run this on one core, as in: taskset --cpu-list 0 python tools/training_digest.py RUNS"
        )
    for name, arguments in RUNS.items():
        folder = runs / name
        if not folder.exists():
            command = [
                "run",
                str(STUDIES / f"{name}.yaml"),
                "--out",
                str(folder),
                "--workers",
                "1",
                *arguments,
            ]
            program = "from gansearch.cli import main; main()"
            subprocess.run(
                [sys.executable, "-c", program, *command], check=True, stdout=subprocess.DEVNULL
            )
        trials = sorted((folder / "trials").iterdir()) + sorted(
            (folder / "certification").glob("[0-9]*")
        )
        for trial in trials:
            if (trial / "signals.parquet").is_file():
                print(name, trial.parent.name, trial.name, digest(trial), flush=True)


def digest(trial: Path) -> str:
    """Digest of signals (float32, by column), verdict (status and step) and the generator's
    weights.
    """
    state = hashlib.sha256()
    signals = pd.read_parquet(trial / "signals.parquet")
    for column in sorted(signals.columns):
        state.update(column.encode() + np.ascontiguousarray(signals[column].to_numpy()).tobytes())
    verdict = json.loads((trial / "verdict.json").read_text())
    state.update(f"{verdict['verdict']} {verdict['step']}".encode())
    for name, weights in sorted(generator_weights(trial).items()):
        state.update(name.encode() + weights.contiguous().numpy().tobytes())
    return state.hexdigest()[:16]


def generator_weights(trial: Path) -> dict[str, torch.Tensor]:
    """The trained generator's tensors by name, whatever form they are kept in."""
    if (trial / "generator.safetensors").is_file():
        from safetensors.torch import load_file

        return load_file(trial / "generator.safetensors")
    content = (trial / "generator.pt").read_bytes()[32:]  # after the SHA-256 of the rest
    state: dict[str, torch.Tensor] = torch.load(io.BytesIO(content), weights_only=True)
    return state


if __name__ == "__main__":
    main(Path(sys.argv[1]))
