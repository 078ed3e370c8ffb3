import json
import subprocess
import sys

from gansearch.errors import DataError


def test_help_comes_without_what_is_slow_to_import():
    program = (
        "import sys, gansearch.cli\n"
        "slow = ('torch', 'optuna', 'matplotlib', 'pandas', 'scipy')\n"
        "print([m for m in slow if m in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout == "[]\n"


def test_an_unknown_command_is_wrong_usage(call):
    assert call("paretto")[0] == 2


def test_the_version_is_told(call):
    assert call("--version")[1].startswith("gansearch ")


def test_plugins_are_listed_with_their_source(call):
    plugins = json.loads(call("plugins", "list", "--json")[1])["plugins"]
    (upconv,) = [one for one in plugins if one["name"] == "upconv"]
    assert (upconv["role"], upconv["distribution"], upconv["refused"]) == (
        "generator",
        "gansearch",
        None,
    )


def test_data_sets_are_listed_with_where_they_are_found(call, monkeypatch):
    monkeypatch.setattr("gansearch.builtin.datasets.fashion_mnist._official", _missing)
    found = {one["name"]: one for one in json.loads(call("data", "list", "--json")[1])["datasets"]}
    assert found["fashion-mnist"]["source"].startswith("fashion-mnist slice")
    assert found["fashion-mnist (images: full)"]["needs"] == "not here"
    assert found["folder"]["needs"] == "needs root"


def _missing(root):
    raise DataError("not here")


def test_fetch_says_where_the_data_is(call, monkeypatch, tmp_path):
    monkeypatch.setattr("gansearch.cli.data.fetch_fashion_mnist", lambda root: root)
    assert (
        call("data", "fetch", "fashion-mnist", "--root", tmp_path)[1]
        == f"fashion-mnist is in {tmp_path}\n"
    )


def test_what_cannot_be_fetched_is_refused(call):
    code, _, err = call("data", "fetch", "fasion-mnist")
    assert (
        code,
        err.startswith("unknown data set to fetch 'fasion-mnist'; did you mean 'fashion-mnist'"),
    ) == (1, True)
