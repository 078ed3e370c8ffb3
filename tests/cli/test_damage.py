"""Damaged run folders: what is sound is shown, the rest is named, and the command fails."""

import json
import os
import resource
import shutil
import sqlite3
from contextlib import closing
from random import Random

import pytest

from gansearch.storage.run_folder import DATABASE
from gansearch.storage.trial_folder import SIGNALS, VERDICT, TrialFolder


def test_a_damaged_trial_is_named_and_the_others_are_shown(call, run):
    with closing(sqlite3.connect(run / DATABASE)) as database, database:
        database.execute(
            "UPDATE trial_user_attributes SET value_json = replace(value_json, '108897', '108896')"
        )
    code, out, err = call("show", run, "--json")
    shown = [trial["trial"] for trial in json.loads(out)["trials"]]
    assert (code, 1 in shown, {0, 2, 3} <= set(shown)) == (1, False, True)
    assert "study.db: the record of trial 1 is damaged" in err


def test_a_verdict_that_differs_from_the_record_is_told(call, run):
    (run / "trials" / "0001").mkdir(parents=True, exist_ok=True)
    kept = {"verdict": "mode-collapse", "step": 3, "detector": None, "evidence": {}}
    for content in (json.dumps(kept), "{", "[]"):
        (run / "trials" / "0001" / VERDICT).write_text(content)
        code, out, err = call("show", run, 1)
        assert (code, "healthy" in out, VERDICT in err) == (1, True, True)


def test_damaged_signals_are_named(call, run, tmp_path):
    files = TrialFolder(run / "trials" / "0001")
    files.write_signals([{"g_loss": float(i)} for i in range(500)])
    content = bytearray((files.path / SIGNALS).read_bytes())
    content[200] ^= 1
    (files.path / SIGNALS).write_bytes(content)
    code, _, err = call("show", run, 1, "-o", tmp_path / "x.png")
    assert (code, f"{SIGNALS} is damaged" in err) == (1, True)


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_bit_of_the_database_changes_nothing_unnoticed(call, run, tmp_path, seed):
    sound = call("show", run, "--json")
    damaged = shutil.copytree(run, tmp_path / "damaged")
    content = bytearray((damaged / DATABASE).read_bytes())
    place = Random(seed).randrange(len(content))
    content[place] ^= 1 << seed % 8
    (damaged / DATABASE).write_bytes(content)
    code, out, err = call("show", damaged, "--json")
    assert (code == 1 and err) or (code, out) == sound[:2]


@pytest.mark.parametrize("command", [("status",), ("pareto",), ("show", 1), ("changes",)])
def test_a_command_without_descriptors_says_so(call, run, command):
    name, *more = command
    sound = call(name, run, *more)  # which imports all that it needs
    free = os.open(os.devnull, os.O_RDONLY)  # the lowest number that no file has
    os.close(free)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = []
    try:
        for left in range(8):
            resource.setrlimit(resource.RLIMIT_NOFILE, (free + left, before[1]))
            found.append(call(name, run, *more))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert found[0][0] == 1
    for code, out, err in found:
        assert (code, out, err) == sound or (code == 1 and err and "Traceback" not in err)
