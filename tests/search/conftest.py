"""A driver with everything real but the training."""

import pytest
from stubs import Audience

from gansearch.evaluation.counting import SizeCounter
from gansearch.search.driver import Driver
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trials import TrialStore


@pytest.fixture
def search(make_spec, make_space, tmp_path):
    """Runs a driver in one folder; gives the store afterwards."""

    def run(executor, *overrides, stop=lambda: False):
        spec, space = make_spec(*overrides), make_space(*overrides)
        folder = RunFolder.create(tmp_path / "run", spec)
        store = TrialStore.open(folder.database, spec.name, spec.objectives)
        sizes = SizeCounter(space.dataset.load().shape, space.metrics)
        Driver(spec, space, folder, store, executor, sizes, Audience(), stop).run()
        return TrialStore.read(folder.database)

    return run
