"""Pack the recorded runs into one table and write its datasheet; the recording may be unfinished.

Runs of an existing table in the same folder stay in it.

    python benchmarks/tabular/pack.py --table NAME [--runs FOLDER] [--out FOLDER] [--every 10]

Writes table.parquet, with a row per run, and datasheet.md, which describes it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from candidates import NAMED
from tables import HERE, SEEDS, TableFolder, table_argument

from gansearch.files import write_atomically

TEMPLATE = HERE / "datasheet.template"
ACTIVITIES = ("training", "probes", "metrics")
MADE_WITH = "made_with"


def packed(files: Sequence[Path], every: int, before: pa.Table | None = None) -> pa.Table:
    """Merge the runs of these files, thinned to every so many steps, into the table before."""
    tables = [thinned(pq.read_table(file), every) for file in files]
    if before is not None:
        again = {(table["number"][0].as_py(), table["seed"][0].as_py()) for table in tables}
        numbers, seeds = before["number"].to_pylist(), before["seed"].to_pylist()
        tables.append(
            before.filter(
                pa.array([pair not in again for pair in zip(numbers, seeds, strict=True)])
            )
        )
    table = pa.concat_tables(tables, promote_options="default").replace_schema_metadata(None)
    return table.sort_by([("number", "ascending"), ("seed", "ascending")])


def thinned(table: pa.Table, every: int) -> pa.Table:
    """Keep the signals of every so many steps; add columns for these steps and for the stamp."""
    names = [name for name in table.column_names if name.startswith("signals.")]
    steps = len(table[names[0]][0])
    for name in names:
        kept = pc.list_slice(table[name], every - 1, steps, every)
        table = table.set_column(table.column_names.index(name), name, kept)
    kept_steps = pa.array([range(every, steps + 1, every)] * len(table), pa.list_(pa.int32()))
    stamps = pa.array([table.schema.metadata[b"gansearch"].decode()] * len(table))
    table = table.add_column(table.column_names.index(names[0]), "signals.step", kept_steps)
    return table.append_column(MADE_WITH, stamps)


def written(table: pa.Table) -> bytes:
    """Return the content of the table as a file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=19)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def described(
    table: pa.Table, content: bytes, candidates: Sequence[Mapping[str, Any]], folder: TableFolder
) -> str:
    """Return the datasheet, as Markdown."""
    rows = table.select(
        [name for name in table.column_names if not name.startswith("signals.")]
    ).to_pylist()
    made_with = [
        {"runs": n, **json.loads(stamp)}
        for stamp, n in Counter(row[MADE_WITH] for row in rows).items()
    ]
    plan = folder.plan
    facts = {
        "name": folder.name,
        "purpose": plan.purpose,
        "quality": plan.quality,
        "ends_well": plan.ends_well,
        "every": str(table["signals.step"][0][0]),
        "bytes": f"{len(content):,}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "columns": _columns(table),
        "strata": _strata(rows, candidates, plan.quality),
        "rungs": ", ".join(map(str, made_with[0]["rungs"])),
        "samples": f"{_samples(made_with[0]['study']['training']):,}",
        "steps": f"{rows[0]['rung'][-1]:,}",
        "made_with": "\n".join(map(_made_with, made_with)),
    }
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(facts | _counts(rows, candidates) | _verdicts(rows) | _costs(rows))


def _samples(training: Mapping[str, Any]) -> int:
    """Return how many samples are measured; older stamps call them otherwise."""
    samples: int = training.get("eval_samples") or training["judged_samples"]
    return samples


def _counts(
    rows: Sequence[Mapping[str, Any]], candidates: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    seeds = Counter(row["number"] for row in rows)
    return {
        "runs": str(len(rows)),
        "candidates": str(len(seeds)),
        "planned_candidates": str(len(candidates)),
        "several": str(SEEDS),
        "repeated": str(sum(count == SEEDS for count in seeds.values())),
    }


def _verdicts(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    well = [row for row in rows if row["ends_well"]]
    badly = [row for row in rows if not row["ends_well"]]
    return {
        "well": str(len(well)),
        "badly": str(len(badly)),
        "false_alarms": str(sum(row["condemned"] is not None for row in well)),
        "failures_stopped": str(sum(row["condemned"] is not None for row in badly)),
    }


def _costs(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    seconds = {activity: [row[f"cpu_{activity}"][-1] for row in rows] for activity in ACTIVITIES}
    hours = {activity: f"{sum(values) / 3600:.2f}" for activity, values in seconds.items()}
    return hours | {"mean_training": f"{sum(seconds['training']) / len(rows):.0f}"}


def _strata(
    rows: Sequence[Mapping[str, Any]], candidates: Sequence[Mapping[str, Any]], quality: str
) -> str:
    """Return a row of a Markdown table for each stratum."""
    lines = []
    for stratum in sorted({candidate["stratum"] for candidate in candidates}):
        planned = [candidate for candidate in candidates if candidate["stratum"] == stratum]
        sizes = [candidate["generator_params"] for candidate in planned]
        runs = [row for row in rows if row["stratum"] == stratum]
        good = [row[quality][-1] for row in runs if row["ends_well"]]
        name = "the study's own" if stratum == NAMED else str(stratum)
        best = f"{min(good):.3g}" if good else "-"
        span = f"{min(sizes):,} to {max(sizes):,}"
        lines.append(f"| {name} | {span} | {len(planned)} | {len(runs)} | {len(good)} | {best} |")
    return "\n".join(lines)


def _columns(table: pa.Table) -> str:
    return "\n".join(f"| `{field.name}` | {field.type} |" for field in table.schema)


def _made_with(stamp: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in stamp["versions"].items())
    return (
        f"- {stamp['runs']} runs on one thread of {stamp['processor']}; {versions};\n"
        f"  data: {stamp['data']['source']}, sha256 `{stamp['data']['sha256']}`;\n"
        f"  extractor: {stamp['extractor']['name']}, sha256 `{stamp['extractor']['sha256']}`;\n"
        f"  code on which the figures depend: sha256 `{stamp['code']}`"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    table_argument(parser)
    parser.add_argument("--runs", type=Path, help="folder; by default `runs` in the table's own")
    parser.add_argument("--out", type=Path, help="folder; by default the table's own")
    parser.add_argument(
        "--every", type=int, default=10, help="steps between two rows of the signals"
    )
    options = parser.parse_args(arguments)
    folder = options.table
    out = TableFolder(options.out or folder.path)
    runs = options.runs or folder.runs
    files = sorted(runs.glob("*-seed*.parquet"))
    there = out.table
    before = pq.read_table(there) if there.exists() else None
    if not files and before is None:
        parser.error(f"no runs in {runs}: record some first")
    candidates = [json.loads(line) for line in folder.candidates.read_text().splitlines()]
    table = packed(files, options.every, before)
    content = written(table)
    write_atomically(there, content)
    write_atomically(out.datasheet, described(table, content, candidates, folder).encode())
    print(f"{len(table)} runs, {len(content) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
