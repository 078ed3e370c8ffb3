"""Searches of a table made by hand, with sixteen candidates, some of which fail."""

import importlib
import json
import math
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from gansearch.messages import Decision, Job

SCRIPTS = Path(__file__).parents[1] / "benchmarks" / "tabular"
RUNGS = [100, 200, 350, 500, 750, 1000, 1250, 1500]
NAMES = ("candidates", "tables", "replaying", "truth", "peers", "strategies", "race", "figures")


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    yield
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture
def race():
    return importlib.import_module("race")


def row(candidate, seed):
    """A run that improves from rung to rung; with a latent of 1 it collapses at step 800."""
    parameters, number = candidate["parameters"], candidate["number"]
    collapses = parameters["generator.latent"] == 1
    final = (
        300.0 if collapses else 400 / math.log(candidate["generator_params"]) * (1 + number % 3 / 2)
    )
    metrics = {"mmd": [(final + seed) * (1500 / step) ** 0.3 for step in RUNGS]}
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
        "cpu_probes": [step / 500 for step in RUNGS],
        "cpu_metrics": list(range(1, 9)),
    }
    return {
        "number": number,
        "seed": seed,
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
def folder(tmp_path):
    """A table with two seeds of its first candidate and one of all others."""
    folders = importlib.import_module("tables").TableFolder
    for name in ("study.yaml", "plan.yaml", "candidates.jsonl"):
        shutil.copy(folders.named("fashion_dcgan").path / name, tmp_path)
    lines = (tmp_path / "candidates.jsonl").read_text().splitlines()
    candidates = [json.loads(line) for line in lines[:16]]
    rows = [row(candidate, 0) for candidate in candidates] + [row(candidates[0], 1)]
    pd.DataFrame(rows).to_parquet(tmp_path / "table.parquet")
    return folders(tmp_path)


@pytest.fixture
def table(race, folder):
    return race.Table.of(folder)


def test_a_search_without_rungs_ends_once_the_front_is_found(race, folder):
    found = race.search(folder.path, "random", 0)
    assert found["found"]
    assert found["to_front"] <= found["in_all"] <= 1.01
    assert found["curve"][-1][1] >= 0.95
    assert 0 < found["failed"] < 1


@pytest.mark.parametrize("name", ["ours", "TPE", "NSGA-II", "MO-ASHA"])
def test_the_same_seed_gives_the_same_search(race, folder, name):
    found = race.search(folder.path, name, 3)
    assert found == race.search(folder.path, name, 3)
    assert found["found"]
    assert not found["given_up"]


def test_several_slots_find_it_sooner(race, folder):
    alone, four = (race.search(folder.path, "ours", 0, slots) for slots in (1, 4))
    # Shares are of the seconds of all slots, so by the clock it is a quarter of that.
    assert four["found"]
    assert four["to_front"] / 4 < alone["to_front"]


def test_a_peer_gets_every_candidate_once(race, folder, table):
    peers, strategies = importlib.import_module("peers"), importlib.import_module("strategies")
    study = race.load_study(folder.study, table)
    for name in ("TPE", "MO-ASHA"):
        chosen, ended = strategies.STRATEGIES[name], []
        halving = peers.MOASHA(RUNGS) if chosen.halves else None
        search = peers.PeerSearch(
            chosen.make(1), study.space, table.first, slots=2, measuring=1.0, halving=halving
        )
        search.run(ended.append, lambda: False)
        assert sorted(ended) == sorted(table.first)
        assert ended[:2] == [0, 1] or halving  # the baseline and the queued one come first


def test_a_result_within_the_first_third_of_its_milestone_is_promoted():
    halving = importlib.import_module("peers").MOASHA([40, 80, 200, 400, 600])
    assert halving.milestones == [40, 80, 400]
    for number, point in enumerate([(1.0, 9.0), (2.0, 8.0), (3.0, 9.5)]):
        assert halving.promote(nothing_new=False) is None
        halving.pause(40, number, point)
    assert halving.promote(nothing_new=False) == (0, 40)
    assert halving.promote(nothing_new=False) is None
    assert halving.promote(nothing_new=True) == (1, 40)


def test_a_front_is_sorted_as_a_net():
    sort = importlib.import_module("peers").sorted_with_net
    # The last one is dominated; of the front, the furthest from the first comes next.
    assert sort([(1, 9), (2, 8), (9, 1), (9, 9)]) == [0, 2, 1, 3]


def test_a_promoted_run_costs_the_rest_of_it_and_a_start(race, folder, table, tmp_path):
    replaying = importlib.import_module("replaying")
    study = race.load_study(folder.study, table)
    runs = replaying.by_identity(study.space, table.first)
    executor = replaying.ReplayExecutor(runs, 1.0, [100, 500])
    candidate = study.space.candidate(table.first[0].parameters)
    executor.submit(Job(0, candidate, tmp_path / "0"))
    assert [rung.step for rung in executor.events(0)[0].rungs] == [100]
    start = replaying.START_SECONDS
    assert executor.spent.seconds == pytest.approx(start + 2 + 0.2 + 1)
    executor.answer(0, Decision.PAUSE)
    paused = executor.events(0)[0].ending
    assert (paused.steps, paused.decision) == (100, Decision.PAUSE)
    executor.submit(Job(0, candidate, tmp_path / "0", resume_from=tmp_path / "0"))
    assert [rung.step for rung in executor.events(0)[0].rungs] == [100, 500]
    executor.answer(0, Decision.CONTINUE)
    assert executor.events(0)[0].ending.steps == 1500
    assert executor.spent.seconds == executor.now == pytest.approx(2 * start + 30 + 3 + 3)


def test_a_search_sees_one_seed_and_is_judged_by_the_median(race, folder, table):
    truth = race.loaded(folder.path, ())[1]
    assert table.seen(1)[0].cost == table.first[0].cost + 1
    assert table.seen(1)[2] is table.first[2]
    assert truth.quality(0) == table.first[0].cost + 0.5


def test_the_page_compares_what_was_searched(race, folder, tmp_path):
    searches = [
        {"table": race.digest_of(race.Table.of(folder))} | race.search(folder.path, name, seed)
        for name in ("ours", "random")
        for seed in range(3)
    ]
    (tmp_path / "searches.jsonl").write_text("\n".join(map(json.dumps, searches)))
    figures = importlib.import_module("figures")
    page = figures.page([figures.Results.of(folder)])
    ratio = math.exp(
        sum(
            math.log(ours["to_front"] / other["to_front"])
            for ours, other in zip(searches[:3], searches[3:], strict=True)
        )
        / 3
    )
    (line,) = [line for line in page.splitlines() if line.startswith("| random | - | ")]
    assert f"{ratio:.2f} (" in line
    assert "| ours | 1 | 3 | 100% |" in page
