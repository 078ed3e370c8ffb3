"""Kill, damage, mutate and deceive gansearch, and check that nothing is lost or let in.

    python benchmarks/chaos/campaign.py PART [--count N] [--seed S] [--record FILE] [--work DIR]

PART is kills, bits, inputs, folders or load; `short` is a handful of each without Ray. Each
case is made from its seed alone, and its result is a line of the record; a case whose line is there
is not run again, so that the campaign can be ended and started again at any time. Exits with 1 if
anything was wrong. See README.md for the parts.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from command import finished_run, isolate, peak_memory

Check = Callable[[int], tuple[str, list[str]]]
COUNTS = {"kills": 200, "bits": 1000, "inputs": 3000, "folders": 40, "load": 1}
SHORT = {"bits": 20, "inputs": 60, "folders": 15, "kills": 2}
"""Cases of `short`."""


def check_of(part: str, work: Path, run: Path | None, executor: str) -> Check:
    """Return the function that runs a case of a part from its seed."""
    if part == "kills":
        from kills import Kills

        return Kills(work, executor).check
    if part == "load":
        from load import Load

        return Load(work).check
    finished = run or finished_run(work)
    if part == "bits":
        from bits import Bits

        return Bits(finished, work).check
    if part == "inputs":
        from inputs import Inputs

        return Inputs(finished, work).check
    from folders import Folders

    return Folders(finished, work).check


def known_cases(record: Path) -> dict[tuple[str, int], list[str]]:
    """Return what was wrong with the cases of a record, by part and seed."""
    if not record.is_file():
        return {}
    lines = [json.loads(line) for line in record.read_text().splitlines() if line.endswith("}")]
    return {(line["part"], line["seed"]): line["wrong"] for line in lines}


def run_part(part: str, check: Check, seeds: range, record: Path) -> int:
    """Run the cases of a part that the record lacks; return the number that went wrong."""
    known = known_cases(record)
    began, failed = time.monotonic(), 0
    for seed in seeds:
        wrong = known.get((part, seed))
        if wrong is None:
            since = time.monotonic()
            case, wrong = check(seed)
            line = {"part": part, "seed": seed, "case": case, "wrong": wrong}
            line["seconds"] = round(time.monotonic() - since, 2)
            with record.open("a") as file:
                file.write(json.dumps(line) + "\n")
            if wrong:
                print(f"{part} {seed}: {case}: {'; '.join(wrong)}", file=sys.stderr, flush=True)
        failed += bool(wrong)
    seconds = time.monotonic() - began
    print(f"{part}: {len(seeds) - failed} of {len(seeds)} hold, {seconds:.0f} s", flush=True)
    return failed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="+", choices=[*COUNTS, "short"], metavar="PART")
    parser.add_argument("--count", type=int, help="Cases of each part; by default all.")
    parser.add_argument("--seed", type=int, default=0, help="Seed of the first case.")
    parser.add_argument("--record", type=Path, help="JSON lines; by default in --work.")
    parser.add_argument("--work", type=Path, help="Folder to keep; by default a temporary one.")
    parser.add_argument("--run", type=Path, help="A finished run to damage, instead of a new one.")
    parser.add_argument("--executor", choices=["local", "ray"], default="local")
    arguments = parser.parse_args()
    counts = SHORT if "short" in arguments.parts else {p: COUNTS[p] for p in arguments.parts}
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        work = (arguments.work or Path(temporary)).absolute()
        work.mkdir(parents=True, exist_ok=True)
        isolate(work)
        record = arguments.record or work / "record.jsonl"
        failed = 0
        for part, count in counts.items():
            check = check_of(part, work, arguments.run, arguments.executor)
            seeds = range(arguments.seed, arguments.seed + (arguments.count or count))
            failed += run_part(part, check, seeds, record)
        print(f"peak memory {peak_memory()} MiB")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
