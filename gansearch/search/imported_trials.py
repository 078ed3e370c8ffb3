"""Import of another run's trials: a study with a wider space or other objectives trains less.

A trial is taken over if its candidate is one of the new study's space, and if everything that the
study judges by was measured. Data, training, detectors and extractor must be the same, since
figures would not compare otherwise. Unfinished, pruned and rescued trials are left out: how far
they came depends on the run that they were in.
"""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from optuna.samplers import RandomSampler

from gansearch.domains import Scalar
from gansearch.errors import RunFolderError
from gansearch.search.feasibility import Feasibility, FeasibilityCheck
from gansearch.search.record_keeping import new_record
from gansearch.search.tell_policy import TellPolicy
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_attributes import BASELINE, GIVEN
from gansearch.storage.trial_folder import CHECKPOINT, TrialFolder
from gansearch.storage.trial_reader import read_records
from gansearch.storage.trial_store import TrialStore
from gansearch.study.component_choices import InvalidCandidateError
from gansearch.study.data_identity import DataIdentity, identity_differences
from gansearch.study.given_candidates import searched_parameters
from gansearch.study.search_space import SearchSpace
from gansearch.study.study import Study
from gansearch.trial_record import TrialRecord

SAME = ("dataset", "training", "detectors", "extractor")
"""Parts of two studies that must not differ where a trial of one is to be one of the other."""

log = logging.getLogger(__name__)


@dataclass
class ImportReport:
    """Account of an import, for people."""

    source: Path
    differences: list[str]
    """Differences between the studies, as `path: that of the source -> this one`."""
    taken: list[tuple[int, int]] = field(default_factory=list)
    """Number in the source and number here of each trial taken over."""
    left: Counter[str] = field(default_factory=Counter)
    """Number of trials left out, by reason."""

    def lines(self) -> list[str]:
        """Return the account as lines of text."""
        left = [f"{count} left out: {reason}" for reason, count in self.left.items()]
        return [f"imported {len(self.taken)} trials of {self.source}", *left, *self.differences]


def import_trials(
    study: Study,
    source: RunFolder,
    store: TrialStore,
    folder_of: Callable[[int], TrialFolder],
    check: FeasibilityCheck,
    policy: TellPolicy,
) -> ImportReport:
    """Take over the trials of another run; those that are here already are left as they are.

    Args:
        study: the study that they become trials of.
        source: run folder of the other run, which is only read.
        store: trials of the study.
        folder_of: returns the folder of a trial by its number.
        check: checks candidates of the study.
        policy: translates a trial for the sampler.

    Raises:
        RunFolderError: if data or training differ, or trial 0 would not be the baseline.
    """
    report = ImportReport(source.path, _differences(study, source))
    known = {record.identity for record in store.records()}
    baseline = study.space.baseline.identity
    for record in sorted(read_records(source), key=lambda record: record.identity != baseline):
        if not known and record.identity != baseline:
            why = "; ".join(report.left) or "it has none with the same candidate"
            raise RunFolderError(
                f"the baseline of this study cannot be imported from {source.path} ({why}), and it "
                "must be trial 0: run the study first and import then, or name the other run's "
                "baseline under `baseline`"
            )
        reason, feasibility, parameters = _judge(study, record, known, check)
        if reason:
            report.left[reason] += 1
            continue
        number = _store(study, store, policy, record, feasibility, parameters)
        _copy_files(source.trial(record.number), folder_of(number))
        known.add(record.identity)
        report.taken.append((record.number, number))
    for line in report.lines():
        log.info("%s", line)
    return report


def _differences(study: Study, source: RunFolder) -> list[str]:
    """Return the differences between two studies whose trials can be compared.

    Raises:
        RunFolderError: if they cannot.
    """
    differences = identity_differences(source.spec(), study.spec, study.location)
    if prevents := [line for line in differences if line.split(".")[0].split(":")[0] in SAME]:
        listing = "\n  ".join(prevents)
        raise RunFolderError(
            f"trials of {source.path} cannot be imported, since their figures do not compare with "
            f"those of this study:\n  {listing}"
        )
    there, here = source.data(), DataIdentity.of(study.data)
    if there is None or there.digest != here.digest:
        raise RunFolderError(
            f"trials of {source.path} cannot be imported, since their data are others:\n"
            f"  there: {there}\n  here:  {here}"
        )
    return [line for line in differences if not line.startswith("name:")]


def _judge(
    study: Study, record: TrialRecord, known: set[str], check: FeasibilityCheck
) -> tuple[str, Feasibility, Mapping[str, Scalar]]:
    """Return why a trial is left out, or an empty text with its check and parameters here."""
    nothing = Feasibility()
    if not record.judged:
        return "unfinished, failed or pruned at a rung", nothing, {}
    if record.rescued:
        return "trained a second time with a remedy", nothing, {}
    if record.identity in known:
        return "trained here already", nothing, {}
    parameters = _parameters(study.space, record.candidate)
    if parameters is None:
        return "outside this search space", nothing, {}
    try:
        candidate = study.space.candidate(parameters)
    except InvalidCandidateError:
        return "outside this search space", nothing, {}
    if candidate.identity != record.identity:
        return "outside this search space", nothing, {}
    is_baseline = candidate.identity == study.space.baseline.identity
    feasibility = check.check(candidate, constrained=not is_baseline)
    if feasibility.refusal:
        return "refused by the constraints", nothing, {}
    needed = [one.metric for one in study.objectives if not one.is_size]
    missing = [name for name in needed if name not in record.metrics]
    if missing and record.state == "complete":
        return f"{', '.join(missing)} was not measured there", nothing, {}
    return "", feasibility, parameters


def _parameters(
    space: SearchSpace, candidate: Mapping[str, Mapping[str, Any]]
) -> dict[str, Scalar] | None:
    """Return a candidate as parameters of a space; None where the space does not hold it."""
    parameters: dict[str, Scalar] = {}
    for role, options in space.options.items():
        fields = candidate.get(role, {})
        option = next((one for one in options if one.use == fields.get("use")), None)
        if option is None:
            return None
        if len(options) > 1:
            parameters[role] = option.use
        for name, key, domain in searched_parameters(role, option, alone=len(options) == 1):
            if key not in fields or not domain.contains(fields[key]):
                return None
            parameters[name] = fields[key]
    return parameters


def _store(
    study: Study,
    store: TrialStore,
    policy: TellPolicy,
    record: TrialRecord,
    feasibility: Feasibility,
    parameters: Mapping[str, Scalar],
) -> int:
    """Store a trial of another run as an ended one of this study; return its number here."""
    assert feasibility.candidate is not None
    is_baseline = feasibility.candidate.identity == study.space.baseline.identity
    marks = {GIVEN: True, BASELINE: True} if is_baseline else {}
    store.enqueue(parameters, **marks)
    trial = store.ask(RandomSampler())  # which draws nothing: all values are given
    study.space.draw(trial)  # so that Optuna knows the values with their distributions
    qualities = [one.metric for one in study.objectives if not one.is_size]
    compared = all(name in rung.metrics for rung in record.rungs for name in qualities)
    begun = store.begin(trial, new_record(trial, feasibility))
    ended = replace(
        begun,
        state=record.state,
        verdict=record.verdict,
        remedies=record.remedies,
        metrics=record.metrics,
        signals=record.signals,
        rungs=record.rungs if compared else (),
        kept_step=record.kept_step,
        steps=record.steps,
        seconds=record.seconds,
        stamp=record.stamp,
        reason=record.reason,
    )
    told = policy.ended(ended, feasibility.violations)
    store.tell(trial, told.entry, told.values, told.constraints)
    return begun.number


def _copy_files(there: TrialFolder, here: TrialFolder) -> None:
    """Copy the files of a trial, those of a second run left out."""
    if there.path.is_dir():
        ignore = shutil.ignore_patterns(CHECKPOINT, there.rescue.path.name)
        shutil.copytree(there.path, here.path, ignore=ignore, dirs_exist_ok=True)
