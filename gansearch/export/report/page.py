"""The report of a run: one HTML file that needs nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from importlib.resources import files as resources
from typing import Any

import jinja2
import pandas as pd
import vl_convert
import yaml
from pydantic import TypeAdapter

import gansearch
from gansearch.errors import RunFolderError
from gansearch.evaluation.latency_names import LATENCIES
from gansearch.export.int8_file import Int8Figures
from gansearch.export.manifest import METRICS
from gansearch.export.places import shared_study
from gansearch.export.report.charts import (
    Spec,
    curves_chart,
    front_chart,
    importances_chart,
    parallel_chart,
    trial_kind,
)
from gansearch.export.report.pictures import real_uri, samples_uri
from gansearch.export.trial_choice import summary_of
from gansearch.ranking.study_summary import RunSummary
from gansearch.report.certificates import Certification
from gansearch.report.formatting import escape_controls, figure, finite, percent, setting
from gansearch.report.trial_counts import (
    count_states,
    count_verdicts,
    failed_trials,
    failure_reasons,
    verdict_name,
)
from gansearch.report.trial_figures import student_of
from gansearch.storage.importances import parameter_importances
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_reader import read_certification
from gansearch.trial_record import TrialRecord

VEGA_LITE = "6.4"
"""Version of Vega-Lite in the page, one of those that vl-convert carries."""
MAX_CURVES = 6
"""Trials of a verdict whose curves are drawn, the first ones."""
MAX_PICTURES = 12
"""Trials of the front whose samples are shown, evenly spread."""
SECTIONS = (
    ("champion", "Result"),
    ("front", "Size against quality"),
    ("samples", "Samples"),
    ("failures", "Failures"),
    ("parameters", "Parameters"),
    ("trials", "Trials"),
    ("reproduce", "Reproduce"),
)


def report_html(folder: RunFolder) -> str:
    """Write the report of a run, whether or not it has ended."""
    run = summary_of(folder)
    charts: dict[str, Spec | None] = {
        "front": front_chart(run),
        "importances": importances_chart(_importances(folder, run)),
        "parallel": parallel_chart(run),
    }
    failures = _failures(folder, run, charts)
    quality = run.summary.quality
    place = resources("gansearch") / "resources" / "report"
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=False,
        finalize=lambda value: escape_controls(value) if type(value) is str else value,
    )
    template = environment.from_string((place / "page.html.j2").read_text(encoding="utf-8"))
    # A stranger's run folder may name any place of this machine as that of its data.
    has_candidate = bool(run.records) and "dataset" in run.records[0].candidate
    shows_real = has_candidate and folder.is_trusted
    # Vega, Vega-Lite and Vega-Embed; below without what would end their element.
    vega = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    return template.render(
        study=run.spec.name,
        version=gansearch.__version__,
        sections=SECTIONS,
        counts=_counts(run),
        found=_found(folder, run),
        quality="" if quality is None else quality.metric,
        charts={name: spec and finite(spec) for name, spec in charts.items()},
        real=real_uri(run.records[0].candidate["dataset"]) if shows_real else None,
        pictures=list(_pictures(folder, run)),
        failures=failures,
        table=_table(run),
        facts=list(_facts(run)),
        study_text=yaml.safe_dump(shared_study(run.spec), sort_keys=False, allow_unicode=True),
        style=(place / "style.css").read_text(encoding="utf-8"),
        script=(place / "page.js").read_text(encoding="utf-8"),
        vega=vega.replace("</script", r"<\/script"),
    )


def _counts(run: RunSummary) -> list[str]:
    counts = (count_states(run.records), count_verdicts(run.records))
    return [
        ", ".join(f"{count} {name}" for name, count in part.items() if count)
        for part in counts
        if any(part.values())
    ]


def _importances(folder: RunFolder, run: RunSummary) -> dict[str, float]:
    quality = run.summary.quality
    if quality is None:
        return {}
    return parameter_importances(folder, quality, run.front.healthy)


def _found(folder: RunFolder, run: RunSummary) -> dict[str, Any]:
    """Return the champion, or what comes nearest, and its figures beside the baseline's."""
    summary = run.summary
    certification = Certification(run.spec, run.records, tuple(read_certification(folder)), summary)
    titles = {
        "The champion": summary.champion,
        f"Not certified: the smallest within tolerance of the {summary.held_against}": (
            summary.smallest_within_tolerance
        ),
        "Not certified: the best so far": summary.best_any_size,
    }
    known = ((words, record) for words, record in titles.items() if record is not None)
    title, found = next(known, ("Result", None))
    student = None if found is None else student_of(found)
    return {
        "title": title if found is None else f"{title}, trial {found.number}",
        "sentence": certification.conclusion(),
        "notes": [
            *_threshold(run),
            *(f"{line[0].upper()}{line[1:]}." for line in certification.savings()),
            *([f"It is the {student}."] if student else []),
            *_int8(folder, found if found is summary.champion else None),
        ],
        "rows": [] if found is None else _savings(run, found),
        "trial": None if found is None else found.number,
    }


def _threshold(run: RunSummary) -> Iterator[str]:
    """Yield what a champion's quality is held against."""
    summary = run.summary
    limit, quality = summary.champion_threshold, summary.quality
    if limit is None or quality is None:
        return
    source = f"median of {limit.seeds} fresh seeds" if limit.seeds else "its one run in the search"
    relation = "at most" if quality.direction == "minimize" else "at least"
    yield (
        f"A champion's median {quality.metric} must be {relation} {figure(limit.value)}: within "
        f"{run.tolerance:.0%} of the {summary.held_against}'s, trial {limit.trial} "
        f"({figure(limit.quality)}, {source})."
    )


def _int8(folder: RunFolder, champion: TrialRecord | None) -> Iterator[str]:
    """Yield what the champion's bundle says of its file in int8, if it has one."""
    if champion is None:
        return
    try:
        content = json.loads((folder.champion / METRICS).read_bytes())["int8"]
        figures = TypeAdapter(Int8Figures).validate_python(content)
    except (OSError, ValueError, KeyError, TypeError):
        return
    text = f"In int8 it has {figures.bytes_after:,} bytes instead of {figures.bytes_before:,}"
    if (quality := figures.quality) is not None:
        text += f" and {quality.metric} {figure(quality.after)} instead of {figure(quality.before)}"
    pairs = (
        f"{figure(figures.latency_ms_after[batch])} ms for a batch of {batch} instead of "
        f"{figure(before)}"
        for batch, before in figures.latency_ms_before.items()
        if batch in figures.latency_ms_after
    )
    yield f"{text}; {', '.join(pairs)} (onnxruntime, one thread)."


def _savings(run: RunSummary, found: TrialRecord) -> list[dict[str, str]]:
    baseline = run.summary.baseline
    quality = run.summary.quality
    known = {} if baseline is None else baseline.figures
    names = [
        run.summary.size.metric,
        "generator_macs",
        "generator_bytes",
        "generator_peak_bytes",
        *LATENCIES,
        *([] if quality is None else [quality.metric]),
    ]
    rows = []
    for name in dict.fromkeys(names):
        if name not in found.figures:
            continue
        whole = name in found.sizes
        value, other = found.figures[name], known.get(name)
        share = value / other if other else None
        rows.append(
            {
                "name": name,
                "value": figure(value, whole=whole),
                "baseline": figure(other, whole=whole),
                "share": percent(share),
            }
        )
    return [*rows, *_medians(run, found)]


def _medians(run: RunSummary, found: TrialRecord) -> Iterator[dict[str, str]]:
    """Yield the median quality over fresh seeds, where both were trained again."""
    quality, baseline = run.summary.quality, run.summary.baseline
    if quality is None or baseline is None:
        return
    certificates = [run.summary.certificates.get(record.number) for record in (found, baseline)]
    medians = [one.quality.median for one in certificates if one and one.quality]
    if len(medians) == 2:
        yield {
            "name": f"{quality.metric}, median of fresh seeds",
            "value": figure(medians[0]),
            "baseline": figure(medians[1]),
            "share": percent(medians[0] / medians[1] if medians[1] else None),
        }


def _pictures(folder: RunFolder, run: RunSummary) -> Iterator[dict[str, Any]]:
    size, quality = run.summary.size, run.summary.quality
    trials = sorted(run.front.trials, key=size.value)
    if len(trials) > MAX_PICTURES:
        last = len(trials) - 1
        trials = [trials[round(i * last / (MAX_PICTURES - 1))] for i in range(MAX_PICTURES)]
    for record in trials:
        try:
            uri = samples_uri(folder.trial(record.number).figured(record))
        except RunFolderError as error:
            folder.note_damage(str(error))
            continue
        if uri is None:
            continue
        text = f"{figure(size.value(record), whole=True)} {size.metric}"
        if quality is not None:
            text += f", {quality.metric} {figure(quality.value(record))}"
        kind = trial_kind(record, run)
        yield {
            "uri": uri,
            "trial": record.number,
            "kind": "" if kind == "on the front" else kind,
            "text": text,
        }


def _failures(
    folder: RunFolder, run: RunSummary, charts: dict[str, Spec | None]
) -> list[dict[str, Any]]:
    """Return the failed trials by verdict; their curves are added to the charts."""
    failed = failed_trials(run.records)
    groups = []
    for i, name in enumerate(failure_reasons(run.records)):
        trials = [record for record in failed if verdict_name(record) == name]
        curves: list[tuple[str, pd.DataFrame]] = []
        listed = []
        for record in trials:
            verdict = record.verdict
            rule = str(verdict.evidence.get("rule", "")) if verdict else ""
            why = (record.reason or rule).partition("\n")[0] or "no reason is known"
            step = verdict.step if verdict else None
            listed.append({"number": record.number, "step": step, "why": why})
            try:
                signals = folder.trial(record.number).figured(record).signals()
            except RunFolderError as error:
                folder.note_damage(str(error))
                signals = None
            if signals is not None and len(curves) < MAX_CURVES:
                curves.append((f"trial {record.number}", signals))
        charts[f"failure-{i}"] = curves_chart(curves)
        left = len(trials) - len(curves)
        groups.append(
            {
                "name": name,
                "chart": f"failure-{i}",
                "note": f"; those of {left} more are not drawn." if left else ".",
                "trials": listed,
            }
        )
    return groups


def _table(run: RunSummary) -> dict[str, Any]:
    """Return every trial as a row of texts, each with the number that it is sorted by."""
    objectives = [objective.metric for objective in run.front.objectives]
    parameters = list(dict.fromkeys(name for record in run.records for name in record.settings))
    numbers = ["trial", *objectives, "steps", "seconds"]
    names = ["trial", "state", "verdict", "certified", *objectives, "steps", "seconds", *parameters]
    rows = []
    for record in run.records:
        certificate = run.summary.certificates.get(record.number)
        values: dict[str, Any] = {
            "trial": record.number,
            "state": record.state,
            "verdict": verdict_name(record),
            "certified": "-" if certificate is None else certificate.status,
            "steps": record.steps,
            "seconds": round(record.seconds),
            **record.settings,
        }
        sizes = {name: record.figures.get(name, math.nan) for name in objectives}
        cells = []
        for name in names:
            value = sizes[name] if name in sizes else values.get(name)
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            whole = name in record.sizes or isinstance(value, int)
            text = figure(value, whole=whole) if is_number else setting(value)
            cells.append({"text": text, "sort": value if is_number and value == value else None})
        rows.append({"number": record.number, "cells": cells})
    numeric = set(numbers) | {
        name
        for name in parameters
        if all(isinstance(r.settings.get(name, 0), (int, float)) for r in run.records)
    }
    columns = [{"name": name, "number": name in numeric} for name in names]
    return {"columns": columns, "rows": rows}


def _facts(run: RunSummary) -> Iterator[str]:
    """Yield what the figures depend on."""
    stamp = next((record.stamp for record in run.records if record.stamp), {})
    if dataset := stamp.get("dataset"):
        yield f"data: {dataset.get('source')}, sha256 {dataset.get('sha256')}"
    if extractor := stamp.get("extractor"):
        yield f"features: {extractor.get('name')}, sha256 {extractor.get('sha256')}"
    for name in ("samples", "reference", "version", "device", "precision", "threads"):
        if name in stamp:
            yield f"{'evaluation protocol' if name == 'version' else name}: {stamp[name]}"
    yield (
        "with one worker and one thread on the same processor, the same study gives the same trials"
    )
