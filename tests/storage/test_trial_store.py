import json
from dataclasses import replace

from optuna.trial import TrialState, create_trial

from gansearch.signals import Remedy, Verdict
from gansearch.storage.trial_attributes import RECORD
from gansearch.trial_record import Attempt, Rescue, TrialRecord

TOLD = TrialRecord(
    7,
    "pruned",
    {},
    verdict=Verdict("diverged", 51, {"rule": "beyond 100"}, "divergence"),
    remedies=(
        Remedy(
            "halve the learning rates",
            "beyond 100",
            "a paper",
            {"schedule": {"generator_lr": 1e-4}},
        ),
    ),
)


def stored(record):
    trial = create_trial(state=TrialState.PRUNED, user_attrs={RECORD: json.dumps(record)})
    trial.number = 7
    return trial


def test_a_record_comes_back_with_its_verdict_and_remedies():
    assert read_record(stored(TOLD.to_json())) == TOLD


def test_a_record_comes_back_with_both_stories_of_a_rescue():
    first, second = Attempt(TOLD.verdict, 51, 1.5), Attempt(None, 0, 0.0)
    rescue = Rescue(TOLD.remedies[0], first, second, succeeded=False, reason="raised: no")
    told = replace(TOLD, rescue=rescue)
    assert read_record(stored(told.to_json())) == told


def test_a_record_from_before_there_were_remedies_or_rescues_has_none():
    old = {
        name: value for name, value in TOLD.to_json().items() if name not in ("remedies", "rescue")
    }
    assert read_record(stored(old)).remedies == ()
    assert read_record(stored(old)).rescue is None
