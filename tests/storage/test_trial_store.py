from dataclasses import replace

import pytest
from optuna.samplers import RandomSampler

from gansearch.storage.database import SQLite
from gansearch.storage.trial_store import TrialStore
from gansearch.trial_record import Rejection, TrialRecord


@pytest.fixture
def open_store(tmp_path, make_spec):
    """Opens the same study for writing, as each driver does."""
    spec = make_spec()
    return lambda: TrialStore.open(SQLite(tmp_path / "study.db"), spec.name, spec.objectives)


def begin(store, **fields):
    trial = store.ask(RandomSampler())
    return trial, store.begin(trial, TrialRecord(-1, "running", {}, **fields))


def complete(store, trial, record, values=(1.0, 2.0)):
    store.tell(trial, replace(record, state="complete"), values, {"failure": 0.0})


def reject(store, reason="too large", repeats=None):
    rejection = Rejection({}, reason, repeats)
    store.tell(store.ask(RandomSampler()), rejection, None, {"failure": 1.0})


def states(store):
    return {record.number: record.state for record in store.records()}


def test_numbers_count_only_the_candidates_that_began(open_store):
    with open_store() as store:
        reject(store)
        complete(store, *begin(store))
        reject(store)
        store.enqueue({"generator.width": 8})
        complete(store, *begin(store))
        assert states(store) == {0: "complete", 1: "complete"}
        assert store.asked == 4


def test_a_rejected_candidate_keeps_its_reason_and_has_no_number(open_store):
    with open_store() as store:
        reject(store, "generator_params 9 is outside the study's constraint")
    with open_store() as store:
        assert store.records() == []
        (rejection,) = store.rejections()
    assert rejection.reason == "generator_params 9 is outside the study's constraint"


def test_the_next_driver_finds_the_interrupted_trials_with_their_numbers(open_store):
    with open_store() as store:
        complete(store, *begin(store))
        begin(store, identity="a", steps=10)
    with open_store() as store:
        (trial,) = store.interrupted()
        record = store.known(trial)
        assert (record.number, record.identity, record.steps) == (1, "a", 10)
        complete(store, trial, record)
        assert states(store) == {0: "complete", 1: "complete"}
        assert store.interrupted() == []


def test_a_candidate_that_was_asked_for_and_did_not_begin_is_interrupted_without_a_record(
    open_store,
):
    with open_store() as store:
        store.ask(RandomSampler())
    with open_store() as store:
        (trial,) = store.interrupted()
        assert store.known(trial) is None
        assert store.records() == []


def test_a_paused_trial_survives_a_restart_and_is_promoted_under_its_number(open_store):
    with open_store() as store:
        trial, record = begin(store)
        store.update(trial, replace(record, state="paused", steps=100))
        complete(store, *begin(store))
    with open_store() as store:
        assert states(store) == {0: "paused", 1: "complete"}
        assert store.interrupted() == []
        trial = store.promote(0)
        complete(store, trial, store.known(trial))
        assert states(store) == {0: "complete", 1: "complete"}


def test_a_trial_that_is_not_paused_cannot_be_promoted(open_store):
    with open_store() as store, pytest.raises(KeyError, match="no paused trial 3"):
        store.promote(3)


def test_queued_candidates_come_first_and_in_their_order(open_store):
    with open_store() as store:
        for width in (8, 16):
            store.enqueue({"generator.width": width}, given=True)
        assert (store.has_queued, store.named) == (True, 2)
        asked = [store.ask(RandomSampler()) for _ in range(2)]
        assert [trial.suggest_int("generator.width", 8, 64) for trial in asked] == [8, 16]
        assert not store.has_queued


def test_a_store_in_memory_is_a_store_too(make_spec):
    spec = make_spec()
    store = TrialStore.in_memory(spec.name, spec.objectives)
    reject(store)
    complete(store, *begin(store))
    assert states(store) == {0: "complete"}


def test_reading_a_study_does_not_need_the_driver_to_end(open_store, tmp_path, make_spec):
    with open_store() as store:
        complete(store, *begin(store))
        reader = TrialStore.read(SQLite(tmp_path / "study.db"), make_spec().name)
        assert reader.records() == store.records()
