import pytest

from gansearch.report.certificates import Certification


@pytest.fixture
def certification(study, trial):
    """A certification, from the qualities of the seeds by trial; None is a failed seed."""

    def of(outcomes, records=None, reference="baseline"):
        records = records or [
            trial(0, 1000, 5.0),
            trial(1, 50, 5.2),
            trial(2, 40, 5.0),
            trial(3, 60, 3.0),
        ]
        runs = []
        for number, qualities in outcomes.items():
            for seed, quality in enumerate(qualities, start=1):
                verdict = "healthy" if quality is not None else "mode-collapse"
                known = {"certifies": number, "seed": seed, "baseline": False, "steps": 100}
                runs.append(trial(len(runs), 1, quality, verdict, **known))
        return Certification.of(study(reference=reference), records, runs)

    return of
