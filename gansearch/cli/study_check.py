"""`gansearch run --check`: what a study searches, and what it will cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from gansearch.cli.output import console, print_json
from gansearch.cli.progress import clock
from gansearch.cli.rehearsal import BASELINE, LIMIT, STEPS, Cost, Rehearsal, rehearse
from gansearch.cli.studies import layer_table, print_prior, prior_json, prior_of
from gansearch.domains import domain_node
from gansearch.errors import GansearchError
from gansearch.report.formatting import figure
from gansearch.report.layers import gan_table
from gansearch.study.foreign_domains import as_yaml
from gansearch.study.space_size import space_size
from gansearch.study.study import Study


def check_study(path: Path, overrides: list[str], json: bool) -> None:
    """Check a study, and print what it searches and its expected cost.

    Raises:
        GansearchError: when the baseline crashes as soon as it is trained.
    """
    study = Study.load(path, overrides)
    out = console(stderr=json)
    print_data(study, out)
    prior = prior_of(study, path)
    rehearsal = rehearse(study)
    if rehearsal.crash:
        raise GansearchError(f"{path}: the baseline crashes at once: {rehearsal.crash}")
    cost = Cost.of(study, rehearsal)
    if json:
        print_json(_check_json(study, rehearsal, cost) | prior_json(study, prior))
        return
    out.print()
    for name, domain in study.space.domains.items():
        out.print(f"searches {name}: {as_yaml(domain_node(domain))}", markup=False)
    out.print(f"search space: {space_size(study.space)}", markup=False)
    out.print(f"sampler: {study.spec.search.sampler}")
    print_prior(study, prior, out)
    out.print()
    sizes = study.sizes(study.space.baseline)
    parameters = figure(sizes.get("generator_params"), whole=True)
    out.print(f"baseline: {as_yaml(baseline_fields(study))}", markup=False, soft_wrap=True)
    out.print(f"its generator, {parameters} parameters:")
    out.print(layer_table(gan_table(study.space.baseline, study.data.shape).generator))
    out.print()
    for line in cost_lines(study, rehearsal, cost):
        out.print(line, markup=False)
    out.print(f"{path}: nothing is wrong with it", markup=False, soft_wrap=True)


def cost_lines(study: Study, rehearsal: Rehearsal, cost: Cost | None) -> list[str]:
    """Return the expected cost of a study in words."""
    if cost is None:
        return [f"expected time: unknown; the baseline took no {STEPS} steps in {LIMIT:.0f} s"]
    hundred = 100 * rehearsal.seconds_per_step[BASELINE]
    slots = rehearsal.slots
    side_by_side = f", {slots} at a time" if slots > 1 else ""
    return [
        f"expected time: about {clock(cost.seconds)} for {study.spec.search.trials} trials"
        f"{side_by_side}, and the certification",
        f"measured: {hundred:.3g} s for 100 steps of the baseline, "
        f"{rehearsal.seconds_around:.3g} s around the steps of each trial",
        f"memory: about {gigabytes(cost.memory)} for all that is trained at a time",
        f"disk: about {gigabytes(cost.disk)} for the run folder",
    ]


def gigabytes(size: int) -> str:
    """Return bytes as `0.62 GB` or `14 MB`."""
    return f"{size / 1e9:.2g} GB" if size >= 1e8 else f"{max(1, round(size / 1e6))} MB"


def _check_json(study: Study, rehearsal: Rehearsal, cost: Cost | None) -> dict[str, Any]:
    size = space_size(study.space)
    return {
        "study": study.spec.name,
        "data": study.data.summary,
        "warnings": list(study.warnings),
        "space": {name: domain_node(domain) for name, domain in study.space.domains.items()},
        "space_size": size._asdict(),
        "sampler": study.spec.search.sampler,
        "baseline": baseline_fields(study),
        "sizes": dict(study.sizes(study.space.baseline)),
        "slots": rehearsal.slots,
        "seconds_per_step": rehearsal.seconds_per_step.get(BASELINE),
        "expected": cost
        and {
            "seconds": round(cost.seconds),
            "memory_bytes": cost.memory,
            "disk_bytes": cost.disk,
        },
    }


def print_data(study: Study, out: Console) -> None:
    """Print the data of a study, and its warnings, each in one line unless a person reads it."""
    one_line = not out.is_terminal
    out.print(f"data: {study.data.summary}", markup=False, soft_wrap=one_line)
    for warning in study.warnings:
        out.print(f"warning: {warning}", markup=False, soft_wrap=one_line)


def baseline_fields(study: Study) -> dict[str, Any]:
    """Return the values of the searched fields in the baseline, by role, as in a study file."""
    fields: dict[str, Any] = {}
    for name, value in study.space.baseline_parameters.items():
        role, *_, field = name.split(".") if "." in name else (name, "use")
        fields.setdefault(role, {})[field] = value
    return fields
