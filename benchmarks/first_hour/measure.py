"""Measure the way from `gansearch plugins new` to a searched architecture.

    python benchmarks/first_hour/measure.py [--steps N] [--trials N]

Each command is run for real, in a temporary folder; the plugin is installed there too, so the
environment stays as it is. Prints seconds of the processor and of the clock, by command.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
STUDY = """
name: first
dataset: {{use: fashion-mnist}}
generator: {{use: tiny-mlp, search: true}}
discriminator: {{use: dcgan, layers: 2, width: 16, norm: none}}
loss: bce
schedule:
  use: alternating
  generator_lr: {{low: 2.0e-4, high: 4.0e-3, log: true}}
training: {{steps: {steps}, batch_size: 64, eval_samples: 500}}
objectives: [generator_params, mmd]
search: {{trials: {trials}}}
certification: {{seeds: 2, required: 1}}
"""


def cpu_seconds() -> float:
    """Return the processor seconds of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--steps", type=int, default=500, help="of a training")
    options.add_argument("--trials", type=int, default=8)
    given = options.parse_args()

    python, gansearch = sys.executable, [sys.executable, "-m", "gansearch"]
    install = ["-m", "pip", "install", "-q", "--no-deps", "--target", "site"]
    commands = {
        "plugins new": [*gansearch, "plugins", "new", "tiny-mlp", "--role", "generator"],
        "its own tests": [python, "-m", "pytest", "-q", "gansearch-tiny-mlp"],
        "plugins check": [*gansearch, "plugins", "check", "gansearch-tiny-mlp"],
        "pip install": [python, *install, "./gansearch-tiny-mlp"],
        "run --check": [*gansearch, "run", "first.yaml", "--check"],
        "run": [*gansearch, "run", "first.yaml"],
        "pareto": [*gansearch, "pareto", "runs/first", "--json"],
    }
    rows = []
    with TemporaryDirectory() as folder:
        (Path(folder) / "first.yaml").write_text(
            STUDY.format(steps=given.steps, trials=given.trials)
        )
        environment = os.environ | {"PYTHONPATH": str(Path(folder) / "site")}
        for name, command in commands.items():
            began, used = time.monotonic(), cpu_seconds()
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True
            )
            if done.returncode:
                raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
            row = {
                "command": name,
                "cpu_seconds": round(cpu_seconds() - used, 1),
                "seconds": round(time.monotonic() - began, 1),
            }
            rows.append(row)
            print(f"{name:16}{row['cpu_seconds']:8.1f} s CPU{row['seconds']:8.1f} s", flush=True)
    front = json.loads(done.stdout)
    cpu, clock = (sum(row[key] for row in rows) for key in ("cpu_seconds", "seconds"))
    print(f"{'together':16}{cpu:8.1f} s CPU{clock:8.1f} s")
    print(f"front: {len(front['front'])} trials; champion: {front['champion']}")
    result = {
        "steps": given.steps,
        "trials": given.trials,
        "commands": rows,
        "cpu_seconds": round(cpu, 1),
        "seconds": round(clock, 1),
        "front": len(front["front"]),
        "champion": front["champion"],
    }
    (HERE / "results.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
