"""Optuna storage with a cache for its only writer: nothing is read from the database twice.

Optuna reads every unfinished trial again whenever it looks at the trials, since another process
might have changed one. This happens several times per trial and grows with the number of running
trials: with 100 slots it takes a quarter of a second per trial. Here the driver is the only writer.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Container, Sequence
from datetime import datetime
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState


class CachedStorage(BaseStorage):
    """Optuna storage that writes to a database and to its copy of the trials, and reads the copy.

    Trials that were returned are never changed: a change replaces the trial in the cache.
    """

    def __init__(self, database: RDBStorage) -> None:
        self._database = database
        self._trials: dict[int, list[FrozenTrial]] = {}
        """Trials by study, in order of their numbers."""
        self._places: dict[int, tuple[int, int]] = {}
        """Study and number by trial."""
        self._open: dict[int, set[int]] = {}
        """Numbers of unfinished trials by study."""

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        trials = self._known(study_id)
        if states is None:
            found = list(trials)
        elif not any(state in states for state in TrialState if state.is_finished()):
            unfinished = (trials[number] for number in sorted(self._open[study_id]))
            found = [trial for trial in unfinished if trial.state in states]
        else:
            found = [trial for trial in trials if trial.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def _known(self, study_id: int) -> list[FrozenTrial]:
        """Return the trials of a study; they are read on first use."""
        if study_id not in self._trials:
            self._trials[study_id], self._open[study_id] = [], set()
            trials = self._database.get_all_trials(study_id, deepcopy=False)
            for trial in sorted(trials, key=lambda trial: trial.number):
                self._add(study_id, trial)
        return self._trials[study_id]

    def _add(self, study_id: int, trial: FrozenTrial) -> None:
        expected = len(self._trials[study_id])
        assert trial.number == expected, "another process has written to the study"
        self._trials[study_id].append(trial)
        self._places[trial._trial_id] = study_id, trial.number
        if not trial.state.is_finished():
            self._open[study_id].add(trial.number)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        study_id, number = self._places[trial_id]
        return self._trials[study_id][number]

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        trials = self._known(study_id)
        if trial_number >= len(trials):
            raise KeyError(f"study {study_id} has no trial {trial_number}")
        return int(trials[trial_number]._trial_id)

    # ------------------------------------------------------------------ changes of a trial

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        self._known(study_id)
        trial_id: int = self._database.create_new_trial(study_id, template_trial)
        self._add(study_id, self._database.get_trial(trial_id))
        return trial_id

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        self._database.set_trial_param(trial_id, param_name, param_value_internal, distribution)
        value = distribution.to_external_repr(param_value_internal)

        def change(trial: FrozenTrial) -> None:
            trial.params = {**trial.params, param_name: value}
            trial.distributions = {**trial.distributions, param_name: distribution}

        self._change(trial_id, change)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        if not self._database.set_trial_state_values(trial_id, state, values):
            return False

        def change(trial: FrozenTrial) -> None:
            trial.state = state
            if values is not None:
                trial.values = list(values)
            if state is TrialState.RUNNING:
                trial.datetime_start = datetime.now()
            if state.is_finished():
                trial.datetime_complete = datetime.now()

        self._change(trial_id, change)
        study_id, number = self._places[trial_id]
        if state.is_finished():
            self._open[study_id].discard(number)
        return True

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        self._database.set_trial_intermediate_value(trial_id, step, intermediate_value)
        self._put(trial_id, "intermediate_values", step, intermediate_value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._database.set_trial_user_attr(trial_id, key, value)
        self._put(trial_id, "user_attrs", key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._database.set_trial_system_attr(trial_id, key, value)
        self._put(trial_id, "system_attrs", key, value)

    def _put(self, trial_id: int, field: str, key: str | int, value: Any) -> None:
        kept = json.loads(json.dumps(value))  # as the database returns it: a tuple becomes a list

        def change(trial: FrozenTrial) -> None:
            setattr(trial, field, {**getattr(trial, field), key: kept})

        self._change(trial_id, change)

    def _change(self, trial_id: int, change: Callable[[FrozenTrial], None]) -> None:
        study_id, number = self._places[trial_id]
        changed = copy.copy(self._trials[study_id][number])
        change(changed)
        self._trials[study_id][number] = changed

    # ------------------------------------------------------------------ studies

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        study_id: int = self._database.create_new_study(directions, study_name)
        return study_id

    def delete_study(self, study_id: int) -> None:
        self._database.delete_study(study_id)
        self._trials.pop(study_id, None)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._database.set_study_user_attr(study_id, key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._database.set_study_system_attr(study_id, key, value)

    def get_study_id_from_name(self, study_name: str) -> int:
        study_id: int = self._database.get_study_id_from_name(study_name)
        return study_id

    def get_study_name_from_id(self, study_id: int) -> str:
        return str(self._database.get_study_name_from_id(study_id))

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return list(self._database.get_study_directions(study_id))

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return dict(self._database.get_study_user_attrs(study_id))

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return dict(self._database.get_study_system_attrs(study_id))

    def get_all_studies(self) -> list[Any]:
        return list(self._database.get_all_studies())
