import json
import shutil

from support.records import replace_in_records


def other_run(run, name, *replaced):
    """A copy of a run, in whose records one text stands for another."""
    copy = shutil.copytree(run, run.with_name(name))
    for old, new in replaced:
        replace_in_records(copy / "study.db", old, new)
    return copy


def test_runs_stand_side_by_side(call, certified, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = call("compare", certified, other_run(certified, "again"))
    assert code == 0
    (champions,) = (line for line in out.splitlines() if line.startswith("champion"))
    assert champions.count("trial 7: 6,873 (2.9%), 0.054, median 0.0535") == 2
    (healthy,) = (line.split() for line in out.splitlines() if line.startswith("healthy trials"))
    assert healthy == ["healthy", "trials", "8", "8"]
    assert "cannot be compared" not in out


def test_qualities_of_another_protocol_are_not_compared(call, run):
    other = other_run(run, "other", ('"samples":2000', '"samples":500'))
    told = json.loads(call("compare", run, other, "--json")[1])
    assert not told["comparable"]
    assert told["differences"] == ["another samples: 2000; 500"]
    assert [one["best_any_size"]["trial"] for one in told["runs"]] == [1, 1]
    assert "Their qualities cannot be compared" in call("compare", run, other)[1]


def test_two_runs_are_needed(call, run):
    code, _, err = call("compare", run)
    assert code == 2 and "at least two runs" in err
    code, _, err = call("compare", run, run)
    assert code == 2 and "one run twice" in err
