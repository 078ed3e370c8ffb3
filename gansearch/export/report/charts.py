"""Charts of the report as Vega-Lite specifications.

Names that a study or a plugin has chosen stand in the data alone, never in an expression or as a
field: Vega evaluates these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gansearch.ranking.pareto import Objective
from gansearch.ranking.study_summary import RunSummary
from gansearch.report.formatting import figure, percent, setting
from gansearch.report.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, WIDE_SPAN
from gansearch.trial_record import TrialRecord

Spec = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
KINDS = {
    "champion": (VERMILION, "diamond"),
    "certified stable": (GREEN, "circle"),
    "certified, not stable": (PURPLE, "cross"),
    "on the front": (BLUE, "circle"),
    "baseline": (ORANGE, "triangle-up"),
    "healthy": (GREY, "circle"),
}
"""Colour and shape by kind of trial; shapes tell them apart without colours."""
POINTS = 120
"""Points of a curve."""
FEW = 60
"""Healthy trials up to which the lines of the parallel chart have points and full colours: 2,000
points take a browser longer than all else in a report of 500 trials (benchmarks/report)."""


def front_chart(run: RunSummary) -> Spec | None:
    """Draw all healthy trials by size and quality, with the front and the tolerance."""
    summary = run.summary
    if summary.quality is None or not run.front.healthy:
        return None
    size, quality = summary.size, summary.quality
    rows = [_front_row(record, run, size, quality) for record in run.front.healthy]
    # Of three objectives, the front is no line in the plane of two.
    flat = run.front.trials if len(run.front.objectives) == 2 else ()
    line = [{"size": size.value(record), "quality": quality.value(record)} for record in flat]
    x, y = _axis("size", size, rows), _axis("quality", quality, rows)
    layers: list[Spec] = []
    if summary.champion_threshold is not None:
        layers.append(_tolerance(summary.champion_threshold.value, quality, rows))
    layers.append(
        {
            "data": {"values": line},
            "mark": {
                "type": "line",
                "interpolate": "step-after",
                "color": BLUE,
                "opacity": 0.6,
            },
            "encoding": {"x": x, "y": y, "order": {"field": "size"}},
        }
    )
    kinds = [kind for kind in KINDS if any(row["kind"] == kind for row in rows)]
    points: Spec = {
        "data": {"values": rows},
        "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1, "cursor": "pointer"},
        "encoding": {
            "x": x,
            "y": y,
            "color": _scaled("kind", kinds, [KINDS[kind][0] for kind in kinds]),
            "shape": _scaled("kind", kinds, [KINDS[kind][1] for kind in kinds]),
            "tooltip": [
                {"field": "name", "title": "trial"},
                {"field": "size_text", "title": size.metric},
                {"field": "quality_text", "title": quality.metric},
                {"field": "share", "title": "of the baseline's size"},
                {"field": "others", "title": "other objectives"},
                {"field": "certified", "title": "certified"},
                {"field": "settings", "title": "settings"},
            ],
        },
        "params": [{"name": "zoom", "select": "interval", "bind": "scales"}],
    }
    return {"$schema": SCHEMA, "width": "container", "height": 340, "layer": [*layers, points]}


def _front_row(
    record: TrialRecord, run: RunSummary, size: Objective, quality: Objective
) -> dict[str, Any]:
    certificate = run.summary.certificates.get(record.number)
    text = "no"
    if certificate is not None:
        text = f"{certificate.status}, {certificate.healthy} of {certificate.seeds} seeds healthy"
    others = (
        f"{o.metric} {figure(o.value(record))}"
        for o in run.front.objectives
        if o not in (size, quality)
    )
    settings = (f"{name} {setting(value)}" for name, value in record.settings.items())
    return {
        "trial": record.number,
        "name": str(record.number),
        "size": size.value(record),
        "quality": quality.value(record),
        "size_text": figure(size.value(record), whole=True),
        "quality_text": figure(quality.value(record)),
        "share": percent(run.summary.share_of_baseline(record)),
        "kind": trial_kind(record, run),
        "others": ", ".join(others) or "none",
        "certified": text,
        "settings": ", ".join(settings),
    }


def trial_kind(record: TrialRecord, run: RunSummary) -> str:
    """Return the kind of a healthy trial, the most telling one first."""
    summary = run.summary
    certificate = summary.certificates.get(record.number)
    if summary.champion is not None and record.number == summary.champion.number:
        return "champion"
    if record.baseline:
        return "baseline"
    if certificate is not None and certificate.status != "undecided":
        return "certified stable" if certificate.status == "stable" else "certified, not stable"
    return "on the front" if record in run.front else "healthy"


def _tolerance(limit: float, quality: Objective, rows: Sequence[Mapping[str, Any]]) -> Spec:
    """Shade the qualities that are good enough for a champion, no farther than there are trials."""
    values = [row["quality"] for row in rows]
    best, worst = min(values), max(values)
    if quality.direction == "maximize":
        best, worst = worst, best
    seen = worst if quality.cost(limit) > quality.cost(worst) else limit
    return {
        "data": {"values": [{"seen": seen, "best": best, "limit": limit, "what": "good enough"}]},
        "mark": {"type": "rect", "color": SKY, "opacity": 0.14},
        "encoding": {
            "y": {"field": "seen", "type": "quantitative"},
            "y2": {"field": "best"},
            "tooltip": [
                {"field": "what", "title": "quality"},
                {"field": "limit", "title": "threshold", "format": ".4g"},
            ],
        },
    }


def curves_chart(trials: Sequence[tuple[str, pd.DataFrame]]) -> Spec | None:
    """Draw the losses of trials over their steps, a small panel a trial.

    Args:
        trials: name and signals of each.
    """
    names = {
        "d_loss_real": "D loss, real",
        "d_loss_fake": "D loss, fake",
        "g_loss": "G loss",
    }
    rows = [
        {"trial": trial, "step": int(step), "signal": words, "value": float(value)}
        for trial, signals in trials
        for column, words in names.items()
        if column in signals
        for step, value in _thinned(signals[["step", column]].dropna())
    ]
    if not rows:
        return None
    colours = _scaled("signal", list(names.values()), [BLUE, VERMILION, GREEN])
    return {
        "$schema": SCHEMA,
        "data": {"values": rows},
        "facet": {
            "field": "trial",
            "type": "nominal",
            "title": None,
            "sort": [trial for trial, _ in trials],
        },
        "columns": 3,
        "spec": {
            "width": 200,
            "height": 90,
            "mark": {"type": "line", "strokeWidth": 1.2, "clip": True},
            "encoding": {
                "x": {"field": "step", "type": "quantitative", "axis": {"tickCount": 3}},
                "y": {
                    "field": "value",
                    "type": "quantitative",
                    "title": None,
                    "axis": {"tickCount": 3},
                },
                "color": colours,
            },
        },
        "resolve": {"scale": {"y": "independent"}},
    }


def _thinned(signal: pd.DataFrame) -> list[tuple[float, float]]:
    """Return means over equal stretches of steps, infinite values left out."""
    finite = signal[signal.iloc[:, 1].abs() < 1e9]
    if finite.empty:
        return []
    stretch = max(1, math.ceil(len(finite) / POINTS))
    groups = pd.RangeIndex(len(finite)) // stretch
    means = finite.groupby(groups).mean()
    return [(float(step), float(f"{value:.4g}")) for step, value in means.itertuples(index=False)]


def importances_chart(importances: Mapping[str, float]) -> Spec | None:
    """Draw the parameters by their importance."""
    if not importances:
        return None
    rows = [{"name": name, "share": share} for name, share in importances.items()]
    return {
        "$schema": SCHEMA,
        "width": "container",
        "height": 22 * len(rows),
        "data": {"values": rows},
        "mark": {"type": "bar", "color": BLUE},
        "encoding": {
            "x": {
                "field": "share",
                "type": "quantitative",
                "title": "importance",
                "axis": {"format": "%", "tickCount": 5},
            },
            "y": {"field": "name", "type": "nominal", "sort": None, "title": None},
            "tooltip": [
                {"field": "name", "title": "parameter"},
                {"field": "share", "title": "importance", "format": ".1%"},
            ],
        },
    }


def parallel_chart(run: RunSummary) -> Spec | None:
    """Draw each healthy trial as a line through the values of its parameters."""
    quality = run.summary.quality
    healthy = run.front.healthy
    varied = [
        name
        for name in dict.fromkeys(name for record in healthy for name in record.settings)
        if len({str(record.settings.get(name)) for record in healthy}) > 1
    ]
    if quality is None or len(varied) < 2 or len(healthy) < 3:
        return None
    places = {name: _places([r.settings.get(name) for r in healthy]) for name in varied}
    rows = [
        {
            "trial": record.number,
            "name": str(record.number),
            "parameter": name.rpartition(".")[2] if _is_unique(name, varied) else name,
            "place": places[name][i],
            "value": setting(record.settings.get(name)),
            "quality": quality.value(record),
        }
        for i, record in enumerate(healthy)
        for name in varied
        if places[name][i] is not None
    ]
    best = "descending" if quality.direction == "minimize" else "ascending"
    few = len(healthy) <= FEW
    return {
        "$schema": SCHEMA,
        "width": "container",
        "height": 260,
        "data": {"values": rows},
        "params": [
            {
                "name": "hovered",
                "select": {"type": "point", "fields": ["trial"], "on": "pointerover"},
            }
        ],
        "mark": {"type": "line", "point": few, "strokeWidth": 1.5 if few else 1},
        "encoding": {
            "x": {
                "field": "parameter",
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": {"labelAngle": -30, "grid": True},
            },
            "y": {
                "field": "place",
                "type": "quantitative",
                "title": None,
                "axis": {
                    "values": [0, 1],
                    "labelExpr": "datum.value == 0 ? 'lowest' : 'highest'",
                    "grid": False,
                },
            },
            "color": {
                "field": "quality",
                "type": "quantitative",
                "title": quality.metric,
                "scale": {"scheme": "viridis", "reverse": best == "descending"},
            },
            "detail": {"field": "trial", "type": "nominal"},
            "opacity": {
                "condition": {"param": "hovered", "value": 0.9, "empty": few},
                "value": 0.08 if few else 0.25,
            },
            "tooltip": [
                {"field": "name", "title": "trial"},
                {"field": "parameter", "title": "parameter"},
                {"field": "value", "title": "value"},
                {"field": "quality", "title": quality.metric, "format": ".4g"},
            ],
        },
    }


def _is_unique(name: str, names: Sequence[str]) -> bool:
    last = name.rpartition(".")[2]
    return sum(other.rpartition(".")[2] == last for other in names) == 1


def _places(values: Sequence[Any]) -> list[float | None]:
    """Return the place of each value between the lowest and the highest, or in order of names."""
    numbers = [
        v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool) and v == v
    ]
    if len(numbers) == sum(value is not None for value in values) and numbers:
        log = min(numbers) > 0 and max(numbers) / min(numbers) > WIDE_SPAN
        shifted = [None if v is None else math.log(v) if log else float(v) for v in values]
    else:
        order = sorted({str(value) for value in values if value is not None})
        shifted = [None if v is None else float(order.index(str(v))) for v in values]
    known = [value for value in shifted if value is not None]
    span = (max(known) - min(known)) or 1.0
    return [None if v is None else round((v - min(known)) / span, 4) for v in shifted]


def _axis(field: str, objective: Objective, rows: Sequence[Mapping[str, Any]]) -> Spec:
    values = [row[field] for row in rows]
    log = min(values) > 0 and max(values) / min(values) > WIDE_SPAN
    arrow = "less is better" if objective.direction == "minimize" else "more is better"
    scale: Spec = {"type": "log"} if log else {"zero": False}
    return {
        "field": field,
        "type": "quantitative",
        "title": f"{objective.metric} ({arrow})",
        "scale": scale | {"nice": True, "padding": 12},
        "axis": {"tickCount": 5},
    }


def _scaled(field: str, domain: Sequence[str], values: Sequence[str]) -> Spec:
    """Return the encoding of a nominal field with a legend above the chart."""
    return {
        "field": field,
        "type": "nominal",
        "title": None,
        "scale": {"domain": list(domain), "range": list(values)},
        "legend": {"orient": "top", "columns": 3},
    }
