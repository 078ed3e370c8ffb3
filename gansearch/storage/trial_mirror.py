"""Optuna storage that shows the trials of a run under their own numbers, and is never written to.

optuna-dashboard shows what a storage holds. This one reads the run's database, leaves out what was
refused before training, and adds what a viewer wants to see: figures and verdict as attributes, the
verdict as a note, and the files of a trial as artifacts.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

from gansearch.errors import RunFolderError
from gansearch.files import write_atomically
from gansearch.storage.database import database_of
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_attributes import certification_name
from gansearch.storage.trial_folder import TrialFolder
from gansearch.storage.trial_store import TrialStore
from gansearch.trial_record import TrialRecord

FRESH = 2.0
"""Seconds after which the database is read again."""
APART = 1_000_000
"""Difference between the ids of the trials of a search and of its certification."""
NOTE_LENGTH = 2000
"""Characters of a part of a note; the dashboard reads any number of parts."""

Artifacts = Callable[[TrialFolder], Mapping[str, str]]
"""Function from the folder of a trial to its artifacts: name of the file by id."""


@dataclass(frozen=True)
class _Mirrored:
    """A study: the search, or its certification."""

    number: int
    """Its id: 1 for the search, 2 for the certification."""
    name: str
    directions: list[StudyDirection]
    attributes: Mapping[str, Any]
    trials: Sequence[FrozenTrial]


class TrialMirror(BaseStorage):
    """Trials of a run's search and certification, for reading."""

    def __init__(self, folder: RunFolder, artifacts: Artifacts, notes: Path | None = None) -> None:
        """Open a run.

        Args:
            folder: the run folder.
            artifacts: lists the artifacts of a trial.
            notes: JSON file that keeps what people write over the notes; None keeps nothing.
        """
        self._folder, self._artifacts, self._notes = folder, artifacts, notes
        self._database = database_of(folder.path, folder.spec().storage)
        self._lock = threading.Lock()
        self._read_at, self._known = float("-inf"), dict[int, _Mirrored]()

    # ------------------------------------------------------------------ reading

    def get_all_studies(self) -> list[FrozenStudy]:
        return [
            FrozenStudy(
                study.name,
                None,
                {},
                dict(study.attributes),
                study.number,
                directions=study.directions,
            )
            for study in self._studies().values()
        ]

    def get_study_id_from_name(self, study_name: str) -> int:
        return {study.name: study.number for study in self._studies().values()}[study_name]

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._studies()[study_id].name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._studies()[study_id].directions

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return {}

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return dict(self._studies()[study_id].attributes)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        trials = (trial for study in self._studies().values() for trial in study.trials)
        found = next((trial for trial in trials if trial._trial_id == trial_id), None)
        if found is None:
            raise KeyError(f"no trial with id {trial_id}")
        return found

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        trials = self._studies()[study_id].trials
        return [trial for trial in trials if states is None or trial.state in states]

    def _studies(self) -> Mapping[int, _Mirrored]:
        """Return the studies, read again if they were read more than `FRESH` seconds ago."""
        with self._lock:
            if time.monotonic() - self._read_at <= FRESH:
                return self._known
            name, folder = self._folder.spec().name, self._folder
            with TrialStore.read(self._database, name) as searched:
                known = {1: self._mirrored(1, name, searched, folder.trial)}
            if (certification := TrialStore.certification(self._database, name)) is not None:
                with certification as runs:
                    named = certification_name(name)
                    known[2] = self._mirrored(2, named, runs, folder.certification_run)
            self._known, self._read_at = known, time.monotonic()
            return known

    def _mirrored(
        self, number: int, name: str, store: TrialStore, folder_of: Callable[[int], TrialFolder]
    ) -> _Mirrored:
        objectives = self._folder.spec().objectives
        directions = [StudyDirection[o.direction.upper()] for o in objectives]
        attributes: dict[str, Any] = {"study:metric_names": [o.metric for o in objectives]}
        trials = []
        for record, trial in store.with_optuna():
            files = folder_of(record.number).figured(record)
            mirrored = self._frozen(record, trial, files, (number - 1) * APART + record.number)
            trials.append(mirrored)
            attributes |= _note(mirrored._trial_id, note_of(record))
        trials.sort(key=lambda trial: trial.number)
        return _Mirrored(number, name, directions, attributes | self._written(number), trials)

    def _frozen(
        self, record: TrialRecord, trial: FrozenTrial, files: TrialFolder, key: int
    ) -> FrozenTrial:
        verdict = record.verdict
        known = {
            "state": record.state,
            "verdict": verdict.status if verdict else None,
            "steps": record.steps,
            "reason": record.reason or None,
            "rescued": record.rescued or None,
            **record.figures,
            **{f"last 100 steps: {name}": value for name, value in record.signals.items()},
        }
        artifacts = {
            f"artifacts:{key}": json.dumps(
                {"artifact_id": key, "filename": name, "mimetype": "image/png", "encoding": None}
            )
            for key, name in self._artifacts(files).items()
        }
        violated = 0.0 if record.state == "complete" else 1.0
        return FrozenTrial(
            number=record.number,
            state=trial.state,
            value=None,
            values=trial.values,
            datetime_start=trial.datetime_start,
            datetime_complete=trial.datetime_complete,
            params=dict(record.settings) if record.settings else trial.params,
            distributions=trial.distributions,
            user_attrs={name: value for name, value in known.items() if value is not None},
            system_attrs={"constraints": [violated], **artifacts},
            intermediate_values={},
            trial_id=key,
        )

    def _written(self, study: int) -> dict[str, Any]:
        """Return the notes that people have written over the verdicts of a study."""
        try:
            return self._kept_notes().get(str(study), {})
        except RunFolderError as error:
            self._folder.note_damage(str(error))
            return {}

    def _kept_notes(self) -> dict[str, dict[str, Any]]:
        """Return the notes of both studies.

        Raises:
            RunFolderError: if their file is damaged.
        """
        if self._notes is None or not self._notes.is_file():
            return {}
        try:
            kept = json.loads(self._notes.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise RunFolderError(f"{self._notes} is damaged: {error}") from None
        if not (isinstance(kept, dict) and all(isinstance(one, dict) for one in kept.values())):
            raise RunFolderError(f"{self._notes} is damaged: it holds no notes")
        return kept

    # ------------------------------------------------------------------ writing

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Keep a note, where notes may be written."""
        if self._notes is None or not key.startswith("dashboard:"):
            self._refuse()
        with self._lock:
            kept = self._kept_notes()  # a damaged file is not written over
            kept.setdefault(str(study_id), {})[key] = value
            write_atomically(self._notes, json.dumps(kept, indent=1).encode())
            self._read_at = float("-inf")

    def _refuse(self) -> Never:
        raise PermissionError("the trials of a run are written by its driver alone")

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        self._refuse()

    def delete_study(self, study_id: int) -> None:
        self._refuse()

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._refuse()

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        self._refuse()

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        self._refuse()

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        self._refuse()

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        self._refuse()

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._refuse()

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._refuse()


def note_of(record: TrialRecord) -> str:
    """Return state, verdict, evidence and remedies of a trial in Markdown."""
    verdict = record.verdict
    status = verdict.status if verdict else "no verdict yet"
    step = "" if verdict is None or verdict.step is None else f" at step {verdict.step}"
    lines = [f"## {status}{step}", "", f"{record.state} after {record.steps} steps"]
    if record.certifies is not None:
        lines += ["", f"trains trial {record.certifies} again with seed {record.seed}"]
    if verdict is not None and verdict.evidence:
        lines += ["", "| evidence | |", "|---|---|"]
        lines += [f"| {name} | {_cell(value)} |" for name, value in verdict.evidence.items()]
    if record.reason:
        lines += ["", f"Reason: {_cell(record.reason)}"]
    if record.remedies:
        lines += ["", "What to try next:", ""]
        lines += [f"- {_cell(one.title)}: {_cell(one.because)}" for one in record.remedies]
    return "\n".join(lines)


def _cell(value: object) -> str:
    """Return a value as text in a table; a plugin's texts are not Markdown or HTML."""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    for character in "\\`*_{}[]<>|#":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())


def _note(trial_id: int, text: str) -> dict[str, Any]:
    """Return the attributes in which the dashboard looks for a note."""
    key = f"dashboard:{trial_id}"
    parts = [text[i : i + NOTE_LENGTH] for i in range(0, len(text), NOTE_LENGTH)]
    return {f"{key}:note_ver": 1} | {f"{key}:note_str:{i}": part for i, part in enumerate(parts)}
