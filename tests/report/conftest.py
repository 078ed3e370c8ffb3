"""Records made by hand."""

import pytest
from support.by_hand import study, trial

__all__ = ["certified", "study", "trial"]


@pytest.fixture
def certified(trial):
    """Five trials and the runs of their certification: 1 is stable, 2 unstable, 3 under way, 0 and 4 never tried."""
    records = [
        trial(0, 1000, 5.0),
        trial(1, 500, 5.1),
        trial(2, 100, 5.3),
        trial(3, 50, 6.0),
        trial(4, 10, 7.0),
    ]
    outcomes = {1: [5.0, 5.2, 5.1, 5.4], 2: [5.3, None, None], 3: [6.1]}

    def run(certified, seed, quality):
        size, verdict = (
            records[certified].sizes["generator_params"],
            "diverged" if quality is None else "healthy",
        )
        return trial(seed, size, quality, verdict, certifies=certified, seed=seed)

    return records, [
        run(n, seed, value)
        for n, values in outcomes.items()
        for seed, value in enumerate(values, 1)
    ]
