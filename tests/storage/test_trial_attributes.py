import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.signals import STATUSES, Remedy, Verdict
from gansearch.storage.trial_attributes import DamagedRecordError, dump_record, load_record
from gansearch.trial_record import Attempt, Rescue, Rung, TrialRecord

REMEDY = Remedy("halve the rates", "loss above 100", "a paper", {"schedule": {"generator_lr": 0.1}})
DIVERGED = Verdict("diverged", 51, {"rule": "loss above 100"}, "divergence")
RECORD = TrialRecord(7, "pruned", {}, verdict=DIVERGED, remedies=(REMEDY,))

numbers = st.floats(allow_nan=False)
figures = st.dictionaries(st.text(), numbers, max_size=3)
finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.one_of(st.integers(-(2**53), 2**53), finite, st.text(), st.booleans(), st.none())
verdicts = st.builds(
    Verdict,
    st.sampled_from(STATUSES),
    st.none() | st.integers(0, 10**6),
    st.dictionaries(st.text(), values, max_size=3),
    st.none() | st.text(),
)
records = st.builds(
    TrialRecord,
    number=st.integers(0, 10**6),
    state=st.sampled_from(["running", "paused", "complete", "pruned", "failed"]),
    parameters=st.dictionaries(st.text(), values, max_size=3),
    identity=st.text(),
    sizes=figures,
    verdict=st.none() | verdicts,
    metrics=figures,
    signals=figures,
    rungs=st.lists(st.builds(Rung, st.integers(0, 10**6), figures), max_size=3).map(tuple),
    dominated_by=st.lists(st.integers(0, 99), max_size=3).map(tuple),
    seconds=st.floats(0, 1e9),
    reason=st.text(),
    certifies=st.none() | st.integers(0, 99),
)


@given(records)
def test_any_record_comes_back_as_it_was_stored(record):
    assert load_record(dump_record(record)) == record


def test_a_record_comes_back_with_both_runs_of_a_rescue():
    first, second = Attempt(DIVERGED, 51, 1.5), Attempt(None, 0, 0.0)
    rescue = Rescue(REMEDY, first, second, succeeded=False, reason="raised: no")
    record = replace(RECORD, rescue=rescue)
    assert load_record(dump_record(record)) == record


def test_nan_comes_back_as_nan():
    record = replace(RECORD, signals={"g_loss": math.nan, "d_loss_real": math.inf})
    signals = load_record(dump_record(record)).signals
    assert math.isnan(signals["g_loss"])
    assert signals["d_loss_real"] == math.inf


@pytest.mark.parametrize("content", ["", "{}", dump_record(RECORD)[:-1], "0 {}"])
def test_a_damaged_record_is_refused(content):
    with pytest.raises(DamagedRecordError, match="is damaged"):
        load_record(content)


@given(st.integers(0, 8 * len(dump_record(RECORD)) - 1))
def test_no_flipped_bit_changes_a_record_unnoticed(bit):
    content = bytearray(dump_record(RECORD).encode())
    content[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DamagedRecordError, match="trial"):
        load_record(content.decode("utf-8", "replace"))
