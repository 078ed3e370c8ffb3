"""A driver with everything real but the training."""

import pytest
from support.stubs import Audience

from gansearch.evaluation.counting import SizeCounter
from gansearch.execution.ray.environment import set_ray_environment
from gansearch.run import Study, search_driver
from gansearch.storage.database import database_of
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_store import TrialStore

set_ray_environment(starts_ray=True)  # before test modules import Ray


@pytest.fixture
def search(make_spec, make_space, tmp_path):
    """Runs a driver in one folder; gives the store afterwards, and keeps who listened."""

    def run(executor, *overrides, stop=lambda: False, folder="run", budget=None, prior=None):
        spec, space = make_spec(*overrides), make_space(*overrides)
        folder = RunFolder.create(tmp_path / folder, spec)
        data = space.dataset.load()
        study = Study(spec, space, data, SizeCounter(data.shape, space.metrics))
        run.audience = Audience()
        database = database_of(folder.path, spec.storage)
        folder.write_study(spec)
        with TrialStore.open(database, spec.name, spec.objectives) as store:
            search_driver(
                study,
                store,
                folder.trial,
                executor,
                run.audience,
                stop,
                budget=budget,
                prior=prior,
            ).run()
        return TrialStore.read(database, spec.name)

    return run
