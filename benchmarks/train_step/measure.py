"""Measure a step of our loop against a plain PyTorch loop with the same networks.

    python benchmarks/train_step/measure.py [--rounds 12] [--out results.json]

Each contender is a process of its own, since our allocator settings are part of the comparison.
They take turns of 20 steps, so that a noisy machine is equally noisy for all; the figures are
ratios of each turn to the plain loop's turn of the same round. About 8 minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import torch
from contenders import TURN, Contender

from gansearch.training.precision import choose_precision


def compare(width: int, threads: int, rounds: int) -> dict[str, dict[str, float]]:
    """Measure steps per second, and median ratios to the two plain loops."""
    names = ["tight", "dataloader", "ours-fp32", "ours-auto", "ours-bf16"]
    contenders = {name: Contender(name, width, threads) for name in names}
    for contender in contenders.values():
        contender.turn()  # warm up
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, contender in contenders.items():
            seconds[name].append(contender.turn())
    results = {}
    for name, contender in contenders.items():
        results[name] = {
            "steps_per_second": TURN / statistics.median(seconds[name]),
            "over_tight": statistics.median(
                a / b for a, b in zip(seconds["tight"], seconds[name], strict=True)
            ),
            "over_dataloader": statistics.median(
                a / b for a, b in zip(seconds["dataloader"], seconds[name], strict=True)
            ),
            "peak_memory_mb": contender.peak / 1024,
        }
        contender.stop()
    return results


def share(width: int, rounds: int) -> dict[str, float]:
    """Measure two one-thread workers relative to one, and to one two-thread process."""
    pair = [Contender("ours-auto", width, 1) for _ in range(2)]
    wide = Contender("ours-auto", width, 2)
    for contender in (*pair, wide):
        contender.turn()
    over_one, over_wide = [], []
    for _ in range(rounds):
        alone, two_threads = TURN / pair[0].turn(), TURN / wide.turn()
        for contender in pair:
            contender.begin()
        both = sum(TURN / contender.end() for contender in pair)
        over_one.append(both / alone)
        over_wide.append(both / two_threads)
    for contender in (*pair, wide):
        contender.stop()
    return {
        "two_workers_over_one": statistics.median(over_one),
        "over_two_threads": statistics.median(over_wide),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results.json")
    options = parser.parse_args()
    results: dict[str, object] = {
        "torch": torch.__version__,
        "processor": torch.cpu.get_capabilities().get("cpu_name"),
        "auto_means": choose_precision("auto", torch.device("cpu")),
        "rounds": options.rounds,
    }
    for width in (16, 64):
        for threads in (1, 2):
            result = compare(width, threads, options.rounds)
            results[f"width {width}, {threads} thread(s)"] = result
            for name, figures in result.items():
                print(
                    width,
                    threads,
                    name,
                    {key: round(value, 2) for key, value in figures.items()},
                    flush=True,
                )
        results[f"width {width}, workers"] = share(width, options.rounds)
        print(width, results[f"width {width}, workers"], flush=True)
    options.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
