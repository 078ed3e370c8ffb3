import pytest
from optuna.samplers import RandomSampler

from gansearch.signals import HEALTHY
from gansearch.storage.database import database_of
from gansearch.storage.importances import parameter_importances
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_store import TrialStore
from gansearch.study.objective import Objective
from gansearch.trial_record import TrialRecord

QUALITY = Objective("sliced_wasserstein", "minimize")


@pytest.fixture
def searched(make_spec, tmp_path):
    """A run whose quality is the width of its trials and whose rate says nothing."""
    spec = make_spec()
    folder = RunFolder.create(tmp_path / "run", spec)
    folder.write_study(spec)
    records = []
    with TrialStore.open(database_of(folder.path, None), spec.name, spec.objectives) as store:
        for number in range(20):
            trial = store.ask(RandomSampler(seed=number))
            width = trial.suggest_int("generator.width", 8, 64)
            trial.suggest_float("schedule.generator_lr", 1e-4, 1e-2, log=True)
            record = TrialRecord(
                number,
                "complete",
                dict(trial.params),
                verdict=HEALTHY,
                sizes={"generator_params": width},
                metrics={"sliced_wasserstein": 1.0 * width},
            )
            store.tell(trial, record, [width, 1.0 * width], {"failure": 0.0, "invalid": 0.0})
            records.append(record)
    return folder, records


def test_the_parameter_that_decides_is_the_most_important(searched):
    importances = parameter_importances(searched[0], QUALITY, searched[1])
    assert list(importances) == ["generator.width", "schedule.generator_lr"]
    assert importances["generator.width"] > 0.7
    assert sum(importances.values()) == pytest.approx(1.0)


def test_a_few_trials_say_nothing(searched):
    assert parameter_importances(searched[0], QUALITY, searched[1][:7]) == {}
