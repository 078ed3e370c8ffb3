"""Searches of a table made by hand, with sixteen candidates, some of which fail."""

import importlib
import json
import math
import sys
from pathlib import Path

import pandas as pd
import pytest

from gansearch.messages import Decision, Job

SCRIPTS = Path(__file__).parents[1] / "benchmarks" / "tabular"
RUNGS = [100, 200, 350, 500, 750, 1000, 1250, 1500]
NAMES = ("candidates", "replaying", "truth", "strategies", "compare")


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    yield
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture
def compare():
    return importlib.import_module("compare")


def row(candidate):
    """A run that improves from rung to rung; with a latent of 1 it collapses at step 800."""
    parameters, number = candidate["parameters"], candidate["number"]
    collapses = parameters["generator.latent"] == 1
    final = (
        300.0 if collapses else 400 / math.log(candidate["generator_params"]) * (1 + number % 3 / 2)
    )
    metrics = {"mmd": [final * (1500 / step) ** 0.3 for step in RUNGS]}
    metrics |= {
        name: [0.5] * 8
        for name in ("fid", "coverage", "precision", "recall", "duplicates", "blur_ratio")
    }
    failure = [
        {
            "step": 800,
            "verdict": "mode-collapse",
            "detector": "mode-collapse",
            "since": 800,
            "rule": "same",
        }
    ]
    seconds = {
        "cpu_training": [step / 50 for step in RUNGS],
        "cpu_probes": [0.0] * 8,
        "cpu_metrics": list(range(1, 9)),
    }
    return {
        "number": number,
        "seed": 0,
        **parameters,
        "generator_params": candidate["generator_params"],
        "rung": RUNGS,
        **metrics,
        **seconds,
        "timeline": failure if collapses else [],
        "verdict_at_end": "mode-collapse" if collapses else "healthy",
        "ends_well": not collapses,
    }


@pytest.fixture
def table(tmp_path):
    lines = (SCRIPTS / "candidates.jsonl").read_text().splitlines()[:16]
    path = tmp_path / "table.parquet"
    pd.DataFrame([row(json.loads(line)) for line in lines]).to_parquet(path)
    return path


def test_a_search_without_pruning_costs_as_much_as_the_table(compare, table):
    found = compare.search((table,), "random", 0)
    assert found["in_all"] == pytest.approx(1.0)
    assert found["volume"] == pytest.approx(1.0)
    assert found["fates"] == {"done": 16, "rung": 0, "verdict": 0, "end": 0}


def test_verdicts_and_rungs_save_seconds_and_lose_nothing_of_this_front(compare, table):
    found = compare.search((table,), "ours", 0)
    assert found["volume"] == pytest.approx(1.0)
    assert found["in_all"] < 0.9
    assert sum(found["fates"].values()) == 16
    assert not any(found["of_the_front"][fate] for fate in ("rung", "verdict", "end"))


@pytest.mark.parametrize("name", ["tpe", "nsga2", "ours without shrinking (tpe)"])
def test_a_sampler_gets_every_candidate_once(compare, table, name):
    found = compare.search((table,), name, 1)
    assert sum(found["fates"].values()) == 16


def test_the_same_seed_gives_the_same_search(compare, table):
    assert compare.search((table,), "ours", 3) == compare.search((table,), "ours", 3)


def test_a_promoted_run_costs_only_the_rest_of_it(compare, table, tmp_path):
    replaying = importlib.import_module("replaying")
    study = replaying.load_study(compare.STUDY, replaying.Table.read([table]))
    known = replaying.Table.read([table])
    executor = replaying.ReplayExecutor(known, replaying.identities(study.space, known), [100, 500])
    candidate = study.space.candidate(known.first[0].parameters)
    executor.submit(Job(0, candidate, tmp_path / "0"))
    assert [rung.step for rung in executor.events(0)[0].rungs] == [100]
    executor.answer(0, Decision.PAUSE)
    paused = executor.events(0)[0].ending
    assert (paused.steps, paused.decision) == (100, Decision.PAUSE)
    assert paused.seconds == pytest.approx(2 + replaying.RUNG_SECONDS)
    executor.submit(Job(0, candidate, tmp_path / "0", resume_from=tmp_path / "0"))
    assert [rung.step for rung in executor.events(0)[0].rungs] == [100, 500]
    executor.answer(0, Decision.CONTINUE)
    complete = executor.events(0)[0].ending
    assert complete.seconds == pytest.approx(30 + 2 * replaying.RUNG_SECONDS + 1)
    assert executor.spent.seconds == pytest.approx(30 + 2 * replaying.RUNG_SECONDS + 1)


def test_the_page_shows_what_was_found_and_what_was_lost(compare, table):
    searches = [
        compare.search((table,), name, seed) for name in ("ours", "random") for seed in range(2)
    ]
    page = compare.compared(searches, compare.loaded((table,), "random", "front")[1])
    (row,) = [line for line in page.splitlines() if line.startswith("| random | 2 | ")]
    assert ", 100% |" in row  # it finds the smallest within the whole table
    assert page.count("| ours | ") == 2
