"""Run the current detectors over the recorded runs, and replace the recorded verdicts.

    python benchmarks/tabular/rehear.py --table NAME [--runs FOLDER] [--study FILE]

It needs the files of single runs, which have the signals of every step, and trains nothing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from observing import Meter, Onlooker
from record import write
from tables import table_argument

from gansearch.components import Detector
from gansearch.evaluation.calibration import calibration_of
from gansearch.run_context import Calibration, RunContext
from gansearch.signals import Row
from gansearch.study.study import Study

PREFIX = "signals."


def judged_again(
    row: Mapping[str, Any], detectors: Sequence[Detector], calibration: Calibration
) -> dict[str, Any]:
    """Return the row of a run with the verdicts of these detectors."""
    rows = list(_signals(row))
    watch = Onlooker(detectors, RunContext(len(rows), calibration), Meter())
    for step, signals in enumerate(rows, start=1):
        watch.observe(step, signals)
    watch.conclude()
    return dict(row) | watch.columns()


def _signals(row: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the signals that were measured at each step."""
    names = [name for name in row if name.startswith(PREFIX)]
    for values in zip(*(row[name] for name in names), strict=True):
        yield {
            n.removeprefix(PREFIX): value
            for n, value in zip(names, values, strict=True)
            if value is not None
        }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    table_argument(parser)
    parser.add_argument("--runs", type=Path, help="folder; by default `runs` in the table's own")
    parser.add_argument("--study", type=Path, help="file; by default the table's own")
    options = parser.parse_args(arguments)
    study = Study.load(options.study or options.table.study)
    calibration = calibration_of(study.data)
    files = sorted((options.runs or options.table.runs).glob("*-seed*.parquet"))
    changed = 0
    for file in files:
        table = pq.read_table(file)
        (row,) = table.to_pylist()
        again = judged_again(row, study.space.detectors, calibration)
        changed += again["condemned"] != row["condemned"]
        write(again, json.loads(table.schema.metadata[b"gansearch"]), file)
    print(
        f"{len(files)} runs, of which {changed} now fail at another step than before, or no longer"
    )


if __name__ == "__main__":
    main()
