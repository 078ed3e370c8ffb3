import json
from pathlib import Path

import pytest

from gansearch.cli import doctor


def test_it_names_the_device_the_plugins_the_extractors_and_what_is_missing(call):
    code, out, _ = call("doctor", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["device"] in ("cpu", "cuda") and told["precision"] in ("fp32", "bf16")
    assert told["workers"] >= 1 and told["memory_bytes"] > told["free_memory_bytes"] > 0
    assert "gansearch" in [plugin["name"] for plugin in told["plugins"]]
    assert {"fashion-mnist", "random"} <= {one["name"] for one in told["extractors"]}
    assert {"ray", "export", "report"} <= {one["name"] for one in told["extras"]}


def test_an_extra_that_is_missing_comes_with_the_command_that_installs_it(call, monkeypatch):
    installed = doctor._is_installed
    monkeypatch.setattr(doctor, "_is_installed", lambda name: name != "ray" and installed(name))
    monkeypatch.setenv("COLUMNS", "100")
    out = call("doctor")[1]
    assert 'missing: ray; pip install "gansearch[ray]"' in out


@pytest.mark.parametrize("width", [80, 120])
def test_its_table_fits_the_terminal(call, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(len, call("doctor")[1].splitlines())) <= width


def test_a_plugin_that_is_refused_is_named_with_the_reason(call, monkeypatch, tmp_path: Path):
    information = tmp_path / "hapless-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: hapless\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[gansearch.generators]\ncubist = nowhere:P\n")
    monkeypatch.syspath_prepend(tmp_path)
    (hapless,) = [
        plugin
        for plugin in json.loads(call("doctor", "--json")[1])["plugins"]
        if plugin["name"] == "hapless"
    ]
    assert hapless["components"] == 0 and "No module named 'nowhere'" in hapless["refused"][0]
