"""The storage that a driver writes through."""

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.testing.pytest_storages import StorageTestCase
from optuna.trial import TrialState

from gansearch.storage.cached_storage import CachedStorage


@pytest.mark.campaign
@pytest.mark.campaign
@pytest.mark.filterwarnings("ignore")  # what Optuna's own tests make of Optuna is not ours to mend
class TestCachedStorage(StorageTestCase):
    """Optuna's own tests of a storage."""

    @pytest.fixture
    def storage(self, tmp_path):
        return CachedStorage(RDBStorage(f"sqlite:///{tmp_path}/studies.db"))


def test_it_shows_what_the_database_holds(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(
        storage=CachedStorage(RDBStorage(url)), study_name="s", directions=["minimize"] * 2
    )
    for number in range(6):
        study.enqueue_trial({"width": number}, user_attrs={"given": True})
        trial = study.ask()
        trial.suggest_int("width", 0, 9)
        trial.suggest_categorical("norm", ["batch", None])
        trial.set_user_attr("seen", (1, 2))
        trial.set_constraint("size", 0.5)
        if number < 4:
            study.tell(
                trial,
                [number, float("inf")] if number % 2 else None,
                state=None if number % 2 else TrialState.PRUNED,
            )
    study.enqueue_trial({"width": 9})
    assert study.trials == _without_times(
        optuna.load_study(storage=url, study_name="s").trials, study.trials
    )


def _without_times(trials, others):
    """The same with the times of others: the cache reads the clock a moment later."""
    for trial, other in zip(trials, others, strict=True):
        trial.datetime_start, trial.datetime_complete = (
            other.datetime_start,
            other.datetime_complete,
        )
    return trials


def test_it_reads_a_study_once_however_often_it_is_looked_at(tmp_path, monkeypatch):
    database = RDBStorage(f"sqlite:///{tmp_path}/study.db")
    study = optuna.create_study(storage=CachedStorage(database))
    study.ask()
    monkeypatch.delattr(RDBStorage, "_get_trials")
    assert [trial.state.name for trial in study.get_trials()] == ["RUNNING"]
