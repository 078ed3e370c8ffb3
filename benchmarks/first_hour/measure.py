"""Measure the way from `gansearch plugins new` to a searched architecture.

    python benchmarks/first_hour/measure.py [--steps N] [--trials N]

Each command is run for real, in a temporary folder; the plugin is installed there too, so the
environment stays as it is. Prints seconds of the clock, by command.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
STUDY = """
name: first
dataset: {{use: fashion-mnist}}
generator: {{use: tiny-conv, search: true}}
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


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--steps", type=int, default=500, help="of a training")
    options.add_argument("--trials", type=int, default=8)
    given = options.parse_args()

    python, gansearch = sys.executable, [sys.executable, "-m", "gansearch"]
    install = ["-m", "pip", "install", "-q", "--no-deps", "--target", "site"]
    commands = {
        "plugins new": [*gansearch, "plugins", "new", "tiny-conv", "--role", "generator"],
        "its own tests": [python, "-m", "pytest", "-q", "gansearch-tiny-conv"],
        "plugins check": [*gansearch, "plugins", "check", "gansearch-tiny-conv"],
        "pip install": [python, *install, "./gansearch-tiny-conv"],
        "run --check": [*gansearch, "run", "first.yaml", "--check"],
        "run": [*gansearch, "run", "first.yaml"],
        "pareto": [*gansearch, "pareto", "runs/first", "--json"],
    }
    seconds: dict[str, float] = {}
    with TemporaryDirectory() as folder:
        (Path(folder) / "first.yaml").write_text(
            STUDY.format(steps=given.steps, trials=given.trials)
        )
        environment = os.environ | {"PYTHONPATH": str(Path(folder) / "site")}
        for name, command in commands.items():
            began = time.monotonic()
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True
            )
            if done.returncode:
                raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
            seconds[name] = round(time.monotonic() - began, 1)
            print(f"{name:16}{seconds[name]:8.1f} s", flush=True)
    front = json.loads(done.stdout)
    together = round(sum(seconds.values()), 1)
    print(f"{'together':16}{together:8.1f} s")
    champion = front["champion"] and {
        "trial": front["champion"]["trial"],
        **{name: round(value, 1) for name, value in front["champion"]["values"].items()},
        "share_of_baseline": round(front["champion"]["share_of_baseline"], 3),
    }
    print(f"front: {len(front['front'])} trials; champion: {champion}")
    result = {
        "steps": given.steps,
        "trials": given.trials,
        "seconds": seconds,
        "together": together,
        "front": len(front["front"]),
        "champion": champion,
    }
    (HERE / "results.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
