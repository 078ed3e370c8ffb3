"""`gansearch plugins new` and `check`."""

import json
import subprocess
import sys

import pytest

from gansearch.components import ROLES


@pytest.mark.campaign
def test_a_new_plugin_of_each_role_passes_its_own_tests_at_once(call, tmp_path):
    for role in ROLES:
        code, out, _ = call(
            "plugins", "new", f"my-{role}", "--role", role, "--out", tmp_path / role
        )
        assert code == 0 and "next: gansearch plugins check" in out
        (tmp_path / role / "tests" / "test_contract.py").rename(tmp_path / f"test_{role}.py")
        (tmp_path / role / f"gansearch_my_{role}.py").rename(tmp_path / f"gansearch_my_{role}.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def test_the_folder_of_a_plugin_is_checked_by_its_entry_points(call, tmp_path):
    call("plugins", "new", "my-metric", "--role", "metric", "--out", tmp_path / "plugin")
    code, out, _ = call("plugins", "check", tmp_path / "plugin", "--json")
    (component,) = json.loads(out)["components"]
    assert (code, component["role"], component["name"]) == (0, "metric", "my-metric")
    assert "has a direction" in component["passed"] and not component["failed"]


TENSOR = '''
from typing import ClassVar, Literal

from gansearch.components import SampleMetric


class Brightness(SampleMetric):
    """Mean of the generated samples."""

    direction: ClassVar[Literal["minimize", "maximize"]] = "maximize"

    def measure(self, evidence):
        return evidence.fake.float().mean()
'''


def test_what_fails_is_said_in_words(call, tmp_path):
    (tmp_path / "mine.py").write_text(TENSOR)
    code, out, _ = call("plugins", "check", tmp_path / "mine.py")
    assert code == 1
    assert "metric Brightness" in out
    assert "failed measures the same number twice" in out and "passed has a direction" in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            TENSOR.replace("    def measure", "    def measured"),
            "is abstract: Brightness lacks measure",
        ),
        (TENSOR.replace("    direction", "    # direction"), "Brightness.direction is missing"),
        ("import no_such_library", "No module named 'no_such_library'"),
        ("x = 1", "has no component"),
    ],
)
def test_a_file_whose_class_cannot_be_used_is_refused_with_the_reason(
    call, tmp_path, text, message
):
    (tmp_path / "mine.py").write_text(text)
    code, out, err = call("plugins", "check", tmp_path / "mine.py")
    assert (code, message in out + err, "Traceback" in err) == (1, True, False), out + err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["Tiny Unet", "--role", "generator"], 2, "lower-case words with dashes"),
        (["tiny", "--role", "generater"], 2, "did you mean 'generator'"),
    ],
)
def test_a_wrong_name_or_role_is_wrong_usage(call, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    found, _, err = call("plugins", "new", *arguments)
    assert (found, message in " ".join(err.replace("│", " ").split())) == (code, True), err
    assert not [*tmp_path.iterdir()]


def test_a_folder_with_files_is_not_written_into(call, tmp_path):
    (tmp_path / "notes.txt").touch()
    code, _, err = call("plugins", "new", "tiny", "--role", "loss", "--out", tmp_path)
    assert (code, "is not empty" in err) == (1, True)
