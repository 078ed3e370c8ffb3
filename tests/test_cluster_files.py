"""The example files of clusters, as far as they can be checked without a cluster.

Ray validates its own file. The schema of KubeRay's resources comes with its operator, which no
package ships, so of that file the kind, the options of Ray, the command and the volumes are
checked.
"""

import shlex
from pathlib import Path

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.scripts.scripts import start

from gansearch.cli.commands import load_command

ROOT = Path(__file__).parents[1]


@pytest.fixture
def read():
    return lambda name: yaml.safe_load((ROOT / "docs" / "cluster" / name).read_text())


def options_of_ray_start():
    return {name.removeprefix("--") for option in start.params for name in option.opts}


def test_ray_finds_nothing_wrong_with_the_file_for_ray_up(read):
    validate_config(prepare_config(read("ray-up.yaml")))


def test_the_nodes_of_ray_up_are_started_with_options_that_ray_has(read):
    config = read("ray-up.yaml")
    commands = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    starts = [command for command in commands if " start " in command]
    given = {
        word[2:].partition("=")[0]
        for command in starts
        for word in command.split()
        if word.startswith("--")
    }
    assert len(starts) == 2 and given <= options_of_ray_start()


@pytest.fixture
def job(read):
    return read("kuberay.yaml")


def pods(job):
    cluster = job["spec"]["rayClusterSpec"]
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


def test_the_job_of_kuberay_starts_ray_with_options_that_it_has(job):
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert all(set(pod["rayStartParams"]) <= options_of_ray_start() for pod in pods(job))


def test_the_job_of_kuberay_runs_a_command_that_there_is(job):
    program, command, *arguments = shlex.split(job["spec"]["entrypoint"])
    parsed = load_command(command).make_context(command, list(arguments))
    assert (program, parsed.params["address"]) == ("gansearch", "auto")
    assert (ROOT / "studies" / Path(arguments[0]).name).is_file()


def test_the_run_folder_of_the_job_of_kuberay_lies_on_a_volume_of_every_node(job):
    for pod in pods(job):
        (container,), (volume,) = (
            pod["template"]["spec"][part] for part in ("containers", "volumes")
        )
        (mount,) = container["volumeMounts"]
        assert (mount["name"], volume["name"]) == ("shared", "shared")
        assert f" --out {mount['mountPath']}/" in job["spec"]["entrypoint"]


def test_the_job_of_kuberay_has_the_ray_that_this_was_tested_with(job):
    assert (
        f"ray=={job['spec']['rayClusterSpec']['rayVersion']}\n"
        in (ROOT / "constraints.txt").read_text()
    )
