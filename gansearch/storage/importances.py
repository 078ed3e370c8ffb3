"""Importance of the searched parameters for an objective, by Optuna."""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState, create_trial

from gansearch.storage.database import located, reading_database
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_attributes import RECORD, load_record
from gansearch.study.objective import Objective
from gansearch.trial_record import TrialRecord

optuna.logging.set_verbosity(optuna.logging.WARNING)

FEWEST = 8
"""Healthy trials below which importances would be those of chance."""
TARGET = 0.25
"""Share of the trials whose parameters are compared with those of all."""


def parameter_importances(
    folder: RunFolder, objective: Objective, records: Sequence[TrialRecord]
) -> dict[str, float]:
    """Return each parameter's share of the difference between the best trials and all of them.

    Computed by PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255) from the healthy trials; empty
    where there are too few of them.

    Args:
        folder: the run folder.
        objective: the objective.
        records: healthy trials of the search.

    Raises:
        RunFolderError: if the trials cannot be read.
    """
    if len(records) < FEWEST:
        return {}
    database = reading_database(folder)
    with located(database):
        stored = optuna.load_study(study_name=folder.spec().name, storage=database.reading())
        trials = stored.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    values = {record.number: objective.value(record) for record in records}
    compared = optuna.create_study(direction=objective.direction)
    for trial in trials:
        number = load_record(trial.user_attrs[RECORD]).number
        if number in values:
            compared.add_trial(
                create_trial(
                    params=trial.params,
                    distributions=trial.distributions,
                    value=values[number],
                )
            )
    evaluator = PedAnovaImportanceEvaluator(target_quantile=TARGET)
    return get_param_importances(compared, evaluator=evaluator)
