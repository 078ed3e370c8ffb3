"""Measure a step on a GPU: CUDA graphs, torch.compile, bf16, and several candidates on one GPU.

    python benchmarks/gpu/measure.py [--device cuda] [--rounds 12] [--packed 1 2 4 8]
                                     [--out results.json]

Contenders are those of benchmarks/train_step: each is a process of its own, and they take turns of
20 steps, so that a noisy machine is equally noisy for all. The results of the measured device
replace those in the file, the other device's stay, and the page's table is printed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "train_step"))
from contenders import TURN, Contender, compiled, gathered_batches, ours, plain, prepare

CONTENDERS = ("plain", "eager", "graphs", "compiled", "bf16", "bf16 + graphs")
ONLY_CUDA = ("graphs", "bf16 + graphs")
PREPARED = ("graphs", "compiled", "bf16 + graphs")
"""Contenders with a preparation that has to pay off."""
WARM_UP = 5
"""Turns within which every kind of step has been captured."""

Figures = dict[str, float | None]


def contend(device: str, name: str, width: int, threads: int, pipe: Connection) -> None:
    """Run one contender."""
    prepare(threads, pipe)
    match name:
        case "plain":
            plain(width, gathered_batches(device), device, reads_losses=False)
        case "compiled":
            ours(width, "fp32", device, change=compiled)
        case _:
            ours(width, "bf16" if "bf16" in name else "fp32", device, graphs="graphs" in name)


def compare(device: str, width: int, rounds: int) -> dict[str, Figures | None]:
    """Measure contenders against the plain and our eager loop, and the cost of their first turn."""
    names = [name for name in CONTENDERS if device == "cuda" or name not in ONLY_CUDA]
    contenders = {name: Contender(name, width, 1, partial(contend, device)) for name in names}
    first = {name: contender.turn() for name, contender in contenders.items()}
    for contender in contenders.values():
        for _ in range(WARM_UP - 1):
            contender.turn()
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, contender in contenders.items():
            seconds[name].append(contender.turn())
    for contender in contenders.values():
        contender.stop()
    return {
        name: _figures(name, first, seconds) if name in seconds else None for name in CONTENDERS
    }


def _figures(name: str, first: dict[str, float], seconds: dict[str, list[float]]) -> Figures:
    turn, eager = (statistics.median(seconds[one]) for one in (name, "eager"))
    wait = first[name] - turn
    pays = name in PREPARED and turn < eager
    return {
        "steps_per_second": TURN / turn,
        "over_plain": _ratio(seconds["plain"], seconds[name]),
        "over_eager": _ratio(seconds["eager"], seconds[name]),
        "seconds_before_full_speed": wait,
        "pays_after_steps": TURN * (wait - (first["eager"] - eager)) / (eager - turn)
        if pays
        else None,
    }


def _ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))


def pack(device: str, name: str, width: int, count: int, rounds: int) -> float:
    """Return total steps per second of `count` processes at once, relative to one alone."""
    packed = [Contender(name, width, 1, partial(contend, device)) for _ in range(count)]
    for contender in packed:
        for _ in range(WARM_UP):
            contender.turn()
    ratios = []
    for _ in range(rounds):
        alone = TURN / packed[0].turn()
        for contender in packed:
            contender.begin()
        ratios.append(sum(TURN / contender.end() for contender in packed) / alone)
    for contender in packed:
        contender.stop()
    return statistics.median(ratios)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run all measurements on one device."""
    device = options.device
    measured: dict[str, Any] = {
        "device": torch.cuda.get_device_name()
        if device == "cuda"
        else torch.cpu.get_capabilities().get("cpu_name"),
        "torch": torch.__version__,
        "rounds": options.rounds,
    }
    packs = ("eager", "graphs", "bf16 + graphs") if device == "cuda" else ("eager",)
    for width in options.widths:
        measured[f"width {width}"] = compare(device, width, options.rounds)
        print(f"width {width}", json.dumps(measured[f"width {width}"]), flush=True)
        measured[f"width {width}, packed"] = {
            name: {
                str(count): pack(device, name, width, count, options.rounds)
                for count in options.packed
            }
            for name in packs
        }
        print(f"width {width}, packed", measured[f"width {width}, packed"], flush=True)
    return measured


def table(measured: dict[str, Any]) -> str:
    """Return the page's table for one device."""
    lines = [
        "| width | loop | steps/s | / plain | / eager | seconds before | pays after steps |",
        "|---|---|---|---|---|---|---|",
    ]
    for width in (
        place for place in measured if place.startswith("width") and "packed" not in place
    ):
        for name, figures in measured[width].items():
            values = [None] * 5 if figures is None else [*figures.values()]
            cells = " | ".join("-" if value is None else f"{value:,.2f}" for value in values)
            lines.append(f"| {width.removeprefix('width ')} | {name} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--packed", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results.json")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("no CUDA device found; use --device cpu to measure the other contenders")
    results = (
        json.loads(options.out.read_text()) if options.out.exists() else {"cuda": None, "cpu": None}
    )
    measured = results[options.device] = measure(options)
    options.out.write_text(json.dumps(results, indent=1) + "\n")
    print(table(measured))


if __name__ == "__main__":
    main()
