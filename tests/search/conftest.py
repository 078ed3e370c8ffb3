"""A driver with everything real but the training."""

import pytest
from stubs import Audience

from gansearch.evaluation.counting import SizeCounter
from gansearch.run import Study, search_of
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trials import TrialStore


@pytest.fixture
def search(make_spec, make_space, tmp_path):
    """Runs a driver in one folder; gives the store afterwards."""

    def run(executor, *overrides, stop=lambda: False):
        spec, space = make_spec(*overrides), make_space(*overrides)
        folder = RunFolder.create(tmp_path / "run", spec)
        store = TrialStore.open(folder.database, spec.name, spec.objectives)
        data = space.dataset.load()
        study = Study(spec, space, data, SizeCounter(data.shape, space.metrics))
        search_of(study, store, folder.trial, executor, Audience(), stop).run()
        return TrialStore.read(folder.database, spec.name)

    return run
