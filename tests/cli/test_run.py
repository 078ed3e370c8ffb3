"""`gansearch run` and `resume`: as installed where processes and signals matter, else within this
process."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import psutil
import pytest

from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_reader import read_records

COMMAND = Path(sys.executable).with_name("gansearch")
PATIENCE = 60
"""Seconds after which something hangs."""


@pytest.fixture
def study(study_text, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(study_text)
    return path


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Return a function that runs a search by the installed command, its output into a pipe; it
    gives the output and the run folder."""
    folder = tmp_path_factory.mktemp("searched")
    told = []

    def search(text):
        if not told:
            (folder / "tiny.yaml").write_text(text)
            told.append(
                subprocess.run(
                    [COMMAND, "run", "tiny.yaml"],
                    cwd=folder,
                    env=os.environ | {"COLUMNS": "120"},
                    capture_output=True,
                    text=True,
                )
            )
        return told[0], folder / "runs" / "tiny"

    return search


@pytest.fixture
def finished(searched, study_text, tmp_path):
    """A copy of the folder of a finished search."""
    return shutil.copytree(searched(study_text)[1], tmp_path / "runs" / "tiny")


@pytest.fixture
def start(study, tmp_path):
    """Starts the installed command; gives its process once it says that it trains."""
    processes = []

    def start(*options):
        arguments = [COMMAND, "run", study, "--out", tmp_path / "run", *options]
        process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert any("trial 0 starts" in line for line in process.stdout)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def until(happened):
    for _ in range(PATIENCE * 50):
        if happened():
            return
        time.sleep(0.02)
    raise TimeoutError


def trials(folder):
    return [record.state for record in read_records(RunFolder.open(folder))]


# ------------------------------------------------------------------ a whole search


def test_a_search_into_a_pipe_says_a_line_for_each_beginning_and_end(searched, study_text):
    told, _ = searched(study_text)
    lines = [line for line in told.stdout.splitlines() if re.match(r"\[\d/4 ", line)]
    assert sum(" starts: " in line for line in lines) == 4
    assert sum(": healthy, generator_params " in line for line in lines) == 4
    assert "\x1b" not in told.stdout


def test_a_search_ends_with_the_front_and_where_it_is_drawn(searched, study_text):
    told, folder = searched(study_text)
    assert (told.returncode, told.stderr) == (0, "")
    end = told.stdout.partition("4 complete")[2]
    assert all(
        word in end for word in ("generator_params", "sliced_wasserstein", "baseline: trial 0")
    )
    assert str(Path("runs", "tiny", "pareto.png")) in end
    assert (folder / "pareto.png").stat().st_size > 1000


def test_a_finished_study_is_shown_again_and_nothing_is_trained(finished, call):
    code, out, _ = call("resume", finished)
    assert (code, "starts:" in out, "baseline: trial 0" in out) == (0, False, True)


def test_a_search_ends_with_what_to_try_next_for_those_that_failed(study, call, tmp_path):
    impatient = [
        "schedule.generator_lr=0.9",
        "detectors=[{use: divergence, vanished: 1.0e+9, patience: 1}]",
    ]
    options = [option for change in impatient for option in ("--set", change)]
    out = call("run", study, "--out", tmp_path / "run", "--trials", 1, *options)[1]
    end = " ".join(out.partition("what to try next")[2].split())
    assert end.startswith(
        "1 of 1 take more data trial 0: it learned from 400 samples 1 of 1 take Adam more gently"
    )
    told = json.loads(call("show", tmp_path / "run", 0, "--json")[1])
    assert told["remedies"][1]["change"] == {"schedule": {"generator_lr": 0.0002}}


# ------------------------------------------------------------------ options


def test_a_search_as_json_ends_with_its_result_on_stdout(finished, call):
    code, out, _ = call("resume", finished, "--json")
    told = json.loads(out)
    assert (code, told["study"], told["run"]) == (0, "tiny", str(finished))
    assert told["trials"]["complete"] == 4 and told["steps_trained"] == 80
    assert told["baseline"]["trial"] == 0 and told["front"]
    assert told["champion"] is None and "certification" in told


RAISES = """
import multiprocessing

from gansearch.builtin.generators.dense import DenseGenerator


class Raises(DenseGenerator):
    "Cannot be built where it is trained."

    def build(self, images):
        if multiprocessing.parent_process() is not None:
            raise ZeroDivisionError("this one always raises")
        return super().build(images)
"""


def test_a_search_of_which_every_trial_failed_is_a_failure(study, call, tmp_path):
    (tmp_path / "raises.py").write_text(RAISES)
    study.write_text(study.read_text().replace("use: dense", "use: ./raises.py:Raises", 1))
    options = ["--out", tmp_path / "run", "--trials", "1", "--workers", "1", "--json"]
    code, out, err = call("run", study, *options)
    assert code == 1 and "all 1 trials failed" in err
    assert json.loads(out)["trials"]["failed"] == 1


def test_a_search_ends_when_its_time_is_spent_and_says_how_to_go_on(study, call, tmp_path):
    options = ["--out", tmp_path / "run", "--trials", "50", "--workers", "1", "--timeout", "1s"]
    code, out, _ = call("run", study, *options)
    ended = len(trials(tmp_path / "run"))
    assert code == 0 and 1 <= ended < 50
    assert f"{ended} of 50 trials in 1s (search.timeout); go on with: gansearch resume" in out


def test_a_database_that_the_environment_names_is_for_new_runs(study, finished, call, monkeypatch):
    elsewhere = "postgresql://nobody@127.0.0.1:1/none"
    code, _, err = call("run", study, "--out", finished, "--storage", elsewhere)
    assert code != 0 and f"storage: None -> {elsewhere}" in err
    monkeypatch.setenv("GANSEARCH_STORAGE", elsewhere)
    assert call("run", study, "--out", finished)[0] == 0
    assert call("status", finished)[0] == 0


def test_resume_takes_more_trials(finished, call):
    assert call("resume", finished, "--trials", "5")[0] == 0
    assert trials(finished) == ["complete"] * 5


def test_a_time_that_is_none_is_refused_with_what_is_one(study, call, tmp_path):
    code, _, err = call("run", study, "--out", tmp_path / "run", "--timeout", "soon")
    assert code == 2 and "search.timeout: should be a duration such as 40m" in err


def test_check_shows_space_layers_time_memory_and_disk(study, call, tmp_path):
    code, out, _ = call("run", study, "--check", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["space_size"] == {"combinations": 16, "continuous": 1}
    assert told["baseline"]["generator"] == {"width": 64, "latent": 8}
    assert told["expected"]["seconds"] > 0 and told["expected"]["disk_bytes"] > 0


def test_check_trains_nothing(study, call, tmp_path):
    code, out, _ = call("run", study, "--out", tmp_path / "run", "--check")
    assert code == 0
    assert out.endswith(f"{study}: nothing is wrong with it\n")
    assert "search space: 16 combinations, and 1 continuous range" in out
    assert "expected time: about" in out and "disk: about" in out and "Linear" in out
    assert not (tmp_path / "run").exists()


def test_trials_adds_to_a_finished_study(finished, study, call):
    assert call("run", study, "--out", finished, "--trials", 6)[0] == 0
    assert trials(finished) == ["complete"] * 6


def test_fresh_forgets_the_trials_of_before(finished, study, call):
    assert call("run", study, "--out", finished, "--fresh", "--trials", 1)[0] == 0
    assert trials(finished) == ["complete"]
    assert [path.name for path in (finished / "trials").iterdir()] == ["0000"]


def test_set_changes_a_value_of_the_study(study, call, tmp_path):
    call("run", study, "--out", tmp_path / "run", "--trials", 1, "--set", "training.steps=7")
    assert [record.steps for record in read_records(RunFolder.open(tmp_path / "run"))] == [7]


def test_one_worker_trains_one_candidate_after_the_other(study, call, tmp_path):
    out = call("run", study, "--out", tmp_path / "run", "--trials", 2, "--workers", 1)[1]
    assert re.findall(r"trial (\d) (starts|complete)", out) == [
        ("0", "starts"), ("0", "complete"), ("1", "starts"), ("1", "complete")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong", [["--trials", "0"], ["--workers", "many"], ["--executor", "cloud"], ["--set", "x"]]
)
def test_a_wrong_option_is_wrong_usage(study, call, tmp_path, wrong):
    code, _, err = call("run", study, "--out", tmp_path / "run", *wrong)
    assert (code, "Traceback" in err, (tmp_path / "run").exists()) == (2, False, False)


def test_an_address_goes_with_ray_alone(study, call, tmp_path):
    code, _, err = call(
        "run", study, "--out", tmp_path / "run", "--executor", "local", "--address", "auto"
    )
    assert (code, "names a Ray cluster" in err) == (2, True)


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("address", "why"), [("127.0.0.1:1", "Connection refused"), ("ray://host:1", "should match")]
)
def test_a_cluster_that_does_not_answer_is_said_so(study, call, tmp_path, address, why):
    code, _, err = call("run", study, "--out", tmp_path / "run", "--address", address)
    assert (code != 0, address in err, why in err) == (True, True, True)


def test_without_ray_its_executor_says_how_to_get_it(study, call, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "gansearch.execution.ray.executor", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    code, _, err = call("run", study, "--out", tmp_path / "run", "--executor", "ray")
    assert (code, err) == (1, 'the executor ray needs Ray: pip install "gansearch[ray]"\n')
    assert not (tmp_path / "run").exists()


def test_a_changed_study_is_refused_with_the_differences(finished, study, call):
    code, _, err = call(
        "run", study, "--out", finished, "--set", "training.steps=30", "--set", "search.seed=1"
    )
    assert code == 1
    assert "training.steps: 20 -> 30" in err and "search.seed: 0 -> 1" in err and "--fresh" in err
    assert trials(finished) == ["complete"] * 4


@pytest.mark.parametrize("option", [["--trials", "9"], ["--fresh"]])
def test_a_folder_in_which_another_is_at_work_is_refused(finished, study, call, option):
    with RunFolder.open(finished).locked():
        code, _, err = call("run", study, "--out", finished, *option)
    assert (code, err) == (1, f"another gansearch process is at work in {finished}\n")
    assert trials(finished) == ["complete"] * 4


def test_there_is_nothing_to_resume_where_nothing_was_begun(call, tmp_path):
    code, _, err = call("resume", tmp_path / "run")
    assert (code, "there is no run" in err) == (1, True)


# ------------------------------------------------------------------ signals


def test_sigterm_stops_the_search_and_leaves_it_resumable(start, call, tmp_path):
    driver = start("--set", "training.steps=60", "--trials", "2")
    driver.terminate()
    out, err = driver.communicate(timeout=PATIENCE)
    assert (driver.returncode, err) == (143, "")
    assert out.endswith(f"stopped; go on with: gansearch resume {tmp_path / 'run'}\n")
    assert "running" in trials(tmp_path / "run")
    assert call("resume", tmp_path / "run")[0] == 0
    assert trials(tmp_path / "run") == ["complete"] * 2


@pytest.mark.campaign
def test_a_second_sigint_ends_the_search_at_once(start):
    driver = start("--workers", "1", "--set", "training.steps=100000")
    until(lambda: grandchildren(driver.pid))
    workers = grandchildren(driver.pid)
    children = psutil.Process(driver.pid).children(recursive=True)
    workers[0].suspend()  # so that it cannot answer the first signal's request to stop
    for _ in range(PATIENCE):
        driver.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            driver.wait(0.2)
            break
    workers[0].resume()
    assert driver.returncode == 130
    assert "stopped" not in driver.communicate()[0]
    until(lambda: not any(map(at_work, children)))


def at_work(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def grandchildren(pid):
    """The processes that are forked from the server."""
    return [p for p in psutil.Process(pid).children(recursive=True) if p.ppid() != pid]


# ------------------------------------------------------------------ on a terminal


@pytest.fixture
def terminal(study, tmp_path):
    """The installed command in a pseudo-terminal."""
    spawned = []

    def spawn(*options):
        child = pexpect.spawn(
            str(COMMAND),
            ["run", str(study), "--out", str(tmp_path / "run"), *options],
            env=os.environ | {"TERM": "xterm-256color"},
            dimensions=(50, 160),
            encoding="utf-8",
            timeout=PATIENCE,
        )
        spawned.append(child)
        return child

    yield spawn
    for child in spawned:
        child.close(force=True)


def test_a_terminal_shows_a_live_table(terminal):
    child = terminal("--trials", "2", "--set", "training.steps=60")
    for words in (
        "tiny",
        "0 of 2 trials",
        "verdict",
        "speed",
        "D loss r/f",
        "D acc r/f",
        "G loss",
        "starting",
    ):
        child.expect_exact(words)
    child.expect(r"\d+/60")
    child.expect_exact("front")
    child.expect_exact("baseline: trial 0")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


@pytest.mark.campaign
def test_ctrl_c_while_the_first_worker_is_prepared_leaves_the_search_resumable(
    terminal, call, tmp_path
):
    child = terminal("--trials", "2")
    until((tmp_path / "run" / "study.db").exists)
    child.sendintr()
    out = child.read()
    child.close()
    assert (child.exitstatus, "Traceback" in out) == (130, False)
    assert "stopped; go on with: gansearch resume" in out
    assert set(trials(tmp_path / "run")) <= {"running"}
    assert call("resume", tmp_path / "run")[0] == 0


def test_a_wider_study_imports_the_trials_of_a_finished_one(finished, study, call, tmp_path):
    wider, place = ["--set", "generator.width.high=128"], tmp_path / "wider"
    settings = [*wider, "--set", "name=wider", "--trials", 4]
    code, out, err = call("run", study, "--out", place, "--import", finished, *settings)
    assert code == 0, err
    assert f"imported 4 trials of {finished}" in out
    assert "generator.0.width.high: 64 -> 128" in out
    assert trials(place) == trials(finished)


def test_an_unknown_run_to_import_is_refused_before_the_search(study, call, tmp_path):
    code, _, err = call("run", study, "--out", tmp_path / "run", "--import", tmp_path / "none")
    assert code == 1 and "there is no run" in err and not (tmp_path / "run").exists()
